//! Files: written so that a reader finds the old one or the new one and never a part, and known by their digest.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use memmap2::Mmap;
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Ending of a file that is being written.
const TEMPORARY: &str = ".tmp";
/// The file that is locked while a process works in a folder.
const LOCK: &str = ".lock";
/// How often, and after what pause, a lock is tried again.
const LOCK_ATTEMPTS: usize = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A path whose first part is `~`, with the user's home folder in its place. A shell leaves `~` alone behind `=` and in quotes.
pub fn in_home(path: &OsStr) -> OsString {
    let rest = path.as_encoded_bytes().strip_prefix(b"~");
    match (rest, dirs::home_dir()) {
        (Some([]), Some(home)) => home.into(),
        (Some([b'/', ..]), Some(home)) => {
            let below = Path::new(path).strip_prefix("~").unwrap_or(Path::new(""));
            home.join(below).into()
        }
        _ => path.to_owned(),
    }
}

/// As [`in_home`], of a path of the settings; itself where the home folder is no Unicode.
pub fn text_in_home(path: String) -> String {
    in_home(OsStr::new(&path)).into_string().unwrap_or(path)
}

/// Reads a path of the settings; see [`in_home`].
pub(crate) fn deserialize_path<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<String, D::Error> {
    String::deserialize(deserializer).map(text_in_home)
}

/// The same of a path that may be absent.
pub(crate) fn deserialize_optional_path<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(text_in_home))
}

/// Creates the folder, writes a temporary file in it, syncs it, and gives it the name.
///
/// # Errors
/// [`Error::Io`] naming the file; the temporary file is removed then.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let folder = folder_of(path);
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let try_all = || {
        let mut temporary = temporary_in(folder)?;
        let mut buffer = BufWriter::with_capacity(1 << 20, temporary.as_file_mut());
        write(&mut buffer)?;
        buffer.flush()?;
        drop(buffer);
        give_name(temporary, path)
    };
    try_all().map_err(Error::io("write", path))
}

/// A new file, removed unless it gets a name.
pub(crate) fn temporary_in(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".").suffix(TEMPORARY).tempfile_in(folder)
}

/// Syncs a temporary file, and gives it a name in the same file system, in a folder that is made.
///
/// # Errors
/// [`Error::Io`] naming the file; the temporary file is removed then.
pub(crate) fn persist(temporary: NamedTempFile, path: &Path) -> Result<()> {
    let folder = folder_of(path);
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    give_name(temporary, path).map_err(Error::io("write", path))
}

fn give_name(temporary: NamedTempFile, path: &Path) -> io::Result<()> {
    set_usual_permissions(temporary.as_file())?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Temporary files are for their owner alone; results are for the group and others to read.
fn set_usual_permissions(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// Removes what a kill has left of files that were being written into a folder. Nobody else may write there.
pub fn remove_temporaries(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(TEMPORARY) {
            // One that cannot be removed only takes space.
            std::fs::remove_file(entry.path()).ok();
        }
    }
}

/// Held while a process works in a folder.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Creates a folder and keeps other processes from working in it until the lock is dropped, or the process ends.
///
/// # Errors
/// [`Error::Run`] if another process works there.
pub fn lock_folder(folder: &Path) -> Result<FolderLock> {
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let path = folder.join(LOCK);
    let file = File::create(&path).map_err(Error::io("write", &path))?;
    // Who only looks whether a folder is locked holds the lock for an instant.
    let mut attempt = file.try_lock();
    for _ in 0..LOCK_ATTEMPTS {
        if !matches!(attempt, Err(TryLockError::WouldBlock)) {
            break;
        }
        sleep(LOCK_PAUSE);
        attempt = file.try_lock();
    }
    match attempt {
        Ok(()) => Ok(FolderLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(Error::run(format!(
            "another process works in {}; wait for it or choose another folder",
            folder.display()
        ))),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
    }
}

/// Whether a process holds the lock of a folder.
pub fn is_locked(folder: &Path) -> bool {
    let file = File::open(folder.join(LOCK));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// SHA-256 of bytes, in hex.
pub fn digest(bytes: impl AsRef<[u8]>) -> String {
    hex(Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of a file's bytes, in hex.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn file_digest(path: &Path) -> Result<String> {
    Ok(digest(map(path)?))
}

/// A file's bytes, which the system reads as they are asked for.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn map(path: &Path) -> Result<Mmap> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    // SAFETY: nobody may write into a file while it is read. This program never does: it gives a new file the old one's name.
    unsafe { Mmap::map(&file) }.map_err(Error::io("read", path))
}
