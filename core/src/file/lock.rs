//! Locks of folders: one process works in a folder at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::create_folder;
use super::open::{open_own, open_quietly};
use crate::error::{Error, Result};

/// The file that is locked while a process works in a folder. Nothing is ever written into it.
const LOCK: &str = ".lock";
/// How often, and after what pause, a lock is tried again.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(10);

/// Held while a process works in a folder.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Removes the lock's file if the folder has no other; whether it did.
    pub fn remove_if_alone(&self, folder: &Path) -> bool {
        let is_alone = std::fs::read_dir(folder).is_ok_and(|entries| entries.count() == 1);
        is_alone && std::fs::remove_file(folder.join(LOCK)).is_ok()
    }
}

/// Creates a folder and keeps other processes from working in it until the lock is dropped, or the process ends.
///
/// # Errors
/// [`Error::Run`] if another process works there; [`Error::Data`] if the lock is a link or no regular file.
pub fn lock_folder(folder: &Path) -> Result<FolderLock> {
    create_folder(folder)?;
    let path = folder.join(LOCK);
    let file = open_own(&path, OpenOptions::new().write(true).create(true).truncate(false))?;
    // Who only looks whether a folder is locked holds the lock for an instant.
    let mut attempt = file.try_lock();
    for _ in 0..ATTEMPTS {
        if !matches!(attempt, Err(TryLockError::WouldBlock)) {
            break;
        }
        sleep(PAUSE);
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
    let file = open_quietly(&folder.join(LOCK));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_leaves_what_a_link_names_alone() {
        let folder = tempfile::tempdir().unwrap();
        let letter = folder.path().join("letter");
        std::fs::write(&letter, "dear").unwrap();
        let run = folder.path().join("run");
        std::fs::create_dir(&run).unwrap();
        std::os::unix::fs::symlink(&letter, run.join(LOCK)).unwrap();
        let message = lock_folder(&run).unwrap_err().to_string();
        assert!(message.contains(".lock is a link"), "{message}");
        assert_eq!(std::fs::read_to_string(&letter).unwrap(), "dear");

        std::fs::remove_file(run.join(LOCK)).unwrap();
        std::fs::write(run.join(LOCK), "kept").unwrap();
        let lock = lock_folder(&run).unwrap();
        assert!(is_locked(&run) && lock_folder(&run).is_err());
        drop(lock);
        assert!(!is_locked(&run) && lock_folder(&run).is_ok());
        assert_eq!(std::fs::read_to_string(run.join(LOCK)).unwrap(), "kept");
    }
}
