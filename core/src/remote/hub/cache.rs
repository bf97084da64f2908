//! The cache of Python's `huggingface_hub`, which both read and write.
//!
//! ```text
//! models--<owner>--<name>/refs/<revision>             the commit that a revision named when the hub was last asked
//! models--<owner>--<name>/blobs/<etag>                the files; <etag>.incomplete until one is whole
//! models--<owner>--<name>/snapshots/<commit>/<file>   links to them
//! .locks/models--<owner>--<name>/<etag>.lock          locked while a file is fetched
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::super::wait::{POLL, heard};
use super::{environment, is_checkpoint};
use crate::checkpoint::Hub;
use crate::error::{Error, Result};
use crate::file::{create_folder, folder_of, read_text, remove_if_there, write_atomically};
use crate::job::Job;

/// Digits of a commit.
const COMMIT_DIGITS: usize = 40;

/// A file in the cache.
pub(super) struct Cached {
    /// The commit that it is of.
    pub commit: String,
    /// Its path in the repository.
    pub file: String,
    /// Its path on this machine.
    pub path: PathBuf,
}

/// What the cache has, and may get, of one repository.
pub(super) struct Cache {
    /// The folder of all repositories.
    root: PathBuf,
    /// The name of this one's folder.
    name: String,
}

impl Cache {
    /// The cache of a place's repository, which need not be there.
    ///
    /// # Errors
    /// [`Error::Usage`] if this user has no folder for it.
    pub fn of(place: &Hub) -> Result<Self> {
        let name = format!("models--{}--{}", place.owner, place.name);
        Ok(Self { root: environment::cache()?, name })
    }

    /// The repository's folder.
    pub fn folder(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    /// A file of the revision that was fetched before.
    pub fn find(&self, revision: &str, file: &str) -> Option<Cached> {
        let commit = match is_commit(revision) {
            true => revision.to_owned(),
            false => read_text(&self.reference(revision)).ok()?.trim().to_owned(),
        };
        let path = self.path(&commit, file);
        (is_plain(&commit) && path.is_file()).then(|| Cached { commit, file: file.to_owned(), path })
    }

    /// Where a file of a commit lies once it is fetched.
    pub fn path(&self, commit: &str, file: &str) -> PathBuf {
        self.snapshots().join(commit).join(file.split('/').collect::<PathBuf>())
    }

    /// Where a file's bytes lie.
    pub fn blob(&self, etag: &str) -> PathBuf {
        self.folder().join("blobs").join(etag)
    }

    /// Makes a file of a commit of bytes that were fetched.
    pub fn link(&self, etag: &str, commit: &str, file: &str) -> Result<()> {
        let path = self.path(commit, file);
        create_folder(folder_of(&path))?;
        // A link that leads nowhere, or a file that is cut off.
        remove_if_there(&path)?;
        #[cfg(unix)]
        let made = {
            let up = "../".repeat(file.split('/').count() + 1);
            std::os::unix::fs::symlink(format!("{up}blobs/{etag}"), &path)
        };
        // Elsewhere a user may need permission to make links; the library then puts the file itself there.
        #[cfg(not(unix))]
        let made = std::fs::rename(self.blob(etag), &path);
        match made {
            // Another process was faster.
            Err(_) if path.is_file() => Ok(()),
            made => made.map_err(Error::io("write", &path)),
        }
    }

    /// Notes which commit a revision names. A cache that cannot be written to serves those who know the commit.
    pub fn keep_reference(&self, revision: &str, commit: &str) {
        let path = self.reference(revision);
        if revision != commit && read_text(&path).ok().as_deref() != Some(commit) {
            write_atomically(&path, |file| file.write_all(commit.as_bytes())).ok();
        }
    }

    /// Waits until no other process, Python or not, fetches these bytes. On a file system without locks two may; then the bytes' digest
    /// shows whether they hindered each other.
    pub async fn lock(&self, etag: &str, job: &Job<'_>) -> Result<File> {
        let path = self.root.join(".locks").join(&self.name).join(format!("{etag}.lock"));
        create_folder(folder_of(&path))?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(Error::io("write", &path))?;
        while let Err(TryLockError::WouldBlock) = file.try_lock() {
            heard(job, tokio::time::sleep(POLL)).await?;
        }
        Ok(file)
    }

    /// The checkpoints that were fetched, each as a place of its commit.
    pub fn checkpoints(&self, place: &Hub) -> Vec<Hub> {
        let mut found = Vec::new();
        for commit in names_in(&self.snapshots()) {
            let place = place.at(&commit);
            let mut folders = vec![String::new()];
            while let Some(folder) = folders.pop() {
                let path = self.path(&commit, &folder);
                for name in names_in(&path) {
                    let file = format!("{folder}{name}");
                    match path.join(&name) {
                        path if path.is_dir() && !path.is_symlink() => folders.push(file + "/"),
                        path if path.is_file() && is_checkpoint(&name) => found.push(place.with_file(&file)),
                        _ => {}
                    }
                }
            }
        }
        found
    }

    fn snapshots(&self) -> PathBuf {
        self.folder().join("snapshots")
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.folder().join("refs").join(revision.split('/').collect::<PathBuf>())
    }
}

/// Whether a revision is a whole commit, whose files never change.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == COMMIT_DIGITS && revision.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
}

/// Whether a server's name of a commit or of bytes can be that of a file, and leads nowhere else.
pub(super) fn is_plain(name: &str) -> bool {
    const LONGEST: usize = 128;
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=LONGEST).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(is_inner)
}

/// The names in a folder, in order; none if it is not there.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
