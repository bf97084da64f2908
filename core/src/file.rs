//! Files: written so that a reader finds the old one or the new one and never a part, and known by their digest.

mod foreign;
mod lock;
mod mapped;
mod open;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read as _, Write};
use std::path::Path;

use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::error::{Error, Result};

pub(crate) use foreign::{Foreign, PICKLE, foreign};
pub use lock::{FolderLock, is_locked, lock_folder};
pub(crate) use mapped::{Mapped, map};
use open::open_own;
pub use open::{open, open_to_append, read, read_if_there, read_text};

/// How the name of a file that is being written begins and ends.
const TEMPORARY: [&str; 2] = [".basin-", ".tmp"];

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
    create_folder(folder)?;
    let try_all = || {
        let mut temporary = temporary_in(folder)?;
        let mut buffer = BufWriter::with_capacity(1 << 20, temporary.as_file_mut());
        write(&mut buffer)?;
        buffer.flush()?;
        drop(buffer);
        temporary.as_file().sync_all()?;
        give_name(temporary, path)
    };
    try_all().map_err(Error::io("write", path))
}

/// Creates a folder and those above it that are missing, whose names are on disk before anything in them is.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub fn create_folder(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .map(|folder| if folder == Path::new("") { Path::new(".") } else { folder })
        .take_while(|folder| !folder.is_dir())
        .collect();
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    missing
        .into_iter()
        .rev()
        .try_for_each(|made| sync_folder(folder_of(made)).map_err(Error::io("create", made)))
}

/// A new file, removed unless it gets a name, and locked so that nobody takes it for what a kill has left. Its permissions are those
/// that the user gives to new files (umask).
pub(crate) fn temporary_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.prefix(TEMPORARY[0]).suffix(TEMPORARY[1]).tempfile_in(folder);
    // The library's error has the path too, which the caller names.
    let plain = |error: io::Error| {
        error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
    };
    let temporary = temporary.map_err(plain)?;
    // Some file systems have no locks.
    temporary.as_file().try_lock().ok();
    Ok(temporary)
}

/// Syncs a temporary file, and gives it a name in the same file system, in a folder that is made.
///
/// # Errors
/// [`Error::Io`] naming the file, or the folder where it has no name yet; the temporary file is removed then.
pub(crate) fn persist(temporary: NamedTempFile, path: &Path) -> Result<()> {
    create_folder(folder_of(path))?;
    temporary.as_file().sync_all().map_err(Error::io("write", folder_of(temporary.path())))?;
    give_name(temporary, path).map_err(Error::io("write", path))
}

fn give_name(temporary: NamedTempFile, path: &Path) -> io::Result<()> {
    temporary.persist(path).map_err(|error| error.error)?;
    sync_folder(folder_of(path))
}

/// Puts the names of a folder's files on disk. Some file systems cannot, and then do it in time.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Removes a file, which need not be there.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub(crate) fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The folder of a file.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Whether a file of that name is being written.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY[0]) && name.ends_with(TEMPORARY[1])
}

/// Removes what a kill has left of files that were being written into a folder. What somebody writes now stays.
pub fn remove_temporaries(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_left =
            || open_own(&entry.path(), File::options().write(true)).is_ok_and(|file| file.try_lock().is_ok());
        if is_temporary(&entry.file_name().to_string_lossy()) && is_left() {
            // One that cannot be removed only takes space.
            std::fs::remove_file(entry.path()).ok();
        }
    }
}

/// Puts all that was written into a folder's file system on disk, however many files that are.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub(crate) fn sync_all_below(folder: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd as _;
        let opened = File::open(folder).map_err(Error::io("read", folder))?;
        // SAFETY: a call with an open file's number.
        if unsafe { libc::syncfs(opened.as_raw_fd()) } != 0 {
            return Err(Error::io("write", folder)(io::Error::last_os_error()));
        }
    }
    #[cfg(all(unix, not(target_os = "linux")))]
    // SAFETY: a call without arguments.
    unsafe {
        libc::sync();
    }
    Ok(())
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
/// Those of [`open`], and [`Error::Io`] naming the file.
pub fn file_digest(path: &Path) -> Result<String> {
    const CHUNK: usize = 1 << 20;
    let mut file = open(path)?;
    let mut sha256 = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk).map_err(Error::io("read", path))? {
            0 => return Ok(hex(sha256.finalize())),
            length => sha256.update(&chunk[..length]),
        }
    }
}
