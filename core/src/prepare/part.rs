//! What has come of a file that is being downloaded, so that the next attempt goes on with it, whatever ended the last one.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::file::{read_text, remove_if_there, write_atomically};

/// Endings of the bytes that have come, and of the note on them.
const PART: &str = ".part";
const NOTE: &str = ".part.version";

/// A part of a file: its bytes, and a note with what the server calls this version of the file and how many bytes are on disk.
pub(super) struct Part {
    pub file: PathBuf,
    note: PathBuf,
}

impl Part {
    /// The part of the file at a path.
    pub fn of(path: &Path) -> Self {
        let beside = |ending: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        Self { file: beside(PART), note: beside(NOTE) }
    }

    /// The version that there is something of, and how much, bytes.
    pub fn known(&self) -> Option<(String, u64)> {
        let note = read_text(&self.note).ok()?;
        let (version, length) = note.split_once('\n')?;
        let there = std::fs::metadata(&self.file).ok()?.len();
        let length: u64 = length.trim().parse().ok()?;
        (0 < length && length <= there).then(|| (version.to_owned(), length))
    }

    /// How much there is, bytes.
    pub fn length(&self) -> u64 {
        self.known().map_or(0, |(_, length)| length)
    }

    /// Opens it to write behind its first bytes.
    pub fn open(&self, length: u64) -> Result<File> {
        let file = OpenOptions::new().create(true).append(true).open(&self.file);
        file.and_then(|file| file.set_len(length).map(|()| file)).map_err(Error::io("write", &self.file))
    }

    /// Puts its first bytes on disk, and notes that they are there. Without a version, nothing can be told of them later.
    pub fn keep(&self, file: &File, version: Option<&str>, length: u64) -> Result<()> {
        file.sync_all().map_err(Error::io("write", &self.file))?;
        let Some(version) = version.filter(|_| length > 0) else { return Ok(()) };
        write_atomically(&self.note, |note| write!(note, "{version}\n{length}\n"))
    }

    /// Gives the whole file its name. The note goes first, so that none is left of a file that is there.
    pub fn persist(&self, path: &Path) -> Result<()> {
        remove_if_there(&self.note)?;
        std::fs::rename(&self.file, path).map_err(Error::io("write", path))
    }

    /// Removes all of it.
    pub fn remove(&self) -> Result<()> {
        remove_if_there(&self.note)?;
        remove_if_there(&self.file)
    }
}
