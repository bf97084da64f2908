//! Opening files. What others made is read if it is a regular file: a pipe would wait for ever, and a device never ends. What this
//! program appends to is never reached through a link, which may lead anywhere.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use crate::error::{Error, Result};

/// Opens a file for reading.
///
/// # Errors
/// [`Error::Io`] naming the file; [`Error::Data`] if it is a pipe, a socket or a device.
pub fn open(path: &Path) -> Result<File> {
    let file = open_quietly(path).map_err(Error::io("read", path))?;
    let kind = file.metadata().map_err(Error::io("read", path))?.file_type();
    if kind.is_file() || kind.is_dir() {
        // Reading a folder fails with the system's own words.
        return Ok(file);
    }
    Err(Error::data(format!(
        "{} is no regular file but a pipe, a socket or a device; name a file",
        path.display()
    )))
}

/// All bytes of a file.
///
/// # Errors
/// Those of [`open`].
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let mut file = open(path)?;
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(bytes)
}

/// All bytes of a file; `None` if there is none.
///
/// # Errors
/// Those of [`open`].
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match read(path) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        bytes => bytes.map(Some),
    }
}

/// The text of a file.
///
/// # Errors
/// Those of [`open`], and [`Error::Io`] if it is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).map_err(|error| Error::io("read", path)(io::Error::other(error)))
}

/// Opens a file of this program to write behind its end, or creates it.
///
/// # Errors
/// [`Error::Io`] naming the file; [`Error::Data`] if it is a link or no regular file.
pub fn open_to_append(path: &Path) -> Result<File> {
    open_own(path, OpenOptions::new().append(true).create(true))
}

/// Opens a file of this program that is no link.
pub(super) fn open_own(path: &Path, options: &mut OpenOptions) -> Result<File> {
    let link = || {
        Error::data(format!(
            "{} is a link or no regular file, and nothing is written through it; remove it",
            path.display()
        ))
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    match options.open(path) {
        Ok(file) if file.metadata().is_ok_and(|metadata| metadata.is_file()) => Ok(file),
        Ok(_) => Err(link()),
        Err(_) if path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file()) => Err(link()),
        Err(error) => Err(Error::io("write", path)(error)),
    }
}

/// Opens a file for reading without waiting for the other end of a pipe.
pub(super) fn open_quietly(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(libc::O_NONBLOCK);
    }
    options.open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn pipes_and_devices_are_no_data_and_links_are_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        for path in [at("pipe").as_path(), Path::new("/dev/zero")] {
            let message = read(path).unwrap_err().to_string();
            assert!(
                message.contains("no regular file") && message.contains(&*path.to_string_lossy()),
                "{message}"
            );
        }
        assert!(matches!(read_if_there(&at("none")), Ok(None)));
        std::fs::write(at("letter"), "dear").unwrap();
        std::os::unix::fs::symlink(at("letter"), at("link")).unwrap();
        assert_eq!(read_text(&at("link")).unwrap(), "dear");
        for path in [at("link"), at("pipe")] {
            let message = open_to_append(&path).unwrap_err().to_string();
            assert!(message.contains("is a link"), "{message}");
        }
        assert_eq!(std::fs::read_to_string(at("letter")).unwrap(), "dear");
    }
}
