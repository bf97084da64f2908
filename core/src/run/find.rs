//! Finding runs below a base folder and its replicates, ours and those that the reference wrote.

use std::path::{Path, PathBuf};

use super::reference::without_replicate;
use super::{RunDir, replicate_base};
use crate::config::SET_ASIDE;
use crate::error::{Error, Remedy, Result};
use crate::file::folder_of;

/// Parts that a key may have; ends the search where links form a loop.
const DEPTH: usize = 10;

/// A run's folder, by what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its folder below the base folder.
    pub key: String,
    /// Which instance of the key.
    pub replicate: u64,
    /// The folder.
    pub run: RunDir,
}

/// The runs below `base` and `<base>-rep<N>`, by replicate and key. Nothing in their files is read.
///
/// # Errors
/// [`Error::Data`] if there is no such folder, [`Error::Io`] naming a folder that cannot be read.
pub fn find_runs(base: &Path) -> Result<Vec<Located>> {
    let mut runs = Vec::new();
    for (replicate, base) in bases(base)? {
        let mut folders = Vec::new();
        collect(&base, DEPTH, &mut folders)?;
        runs.extend(folders.into_iter().map(|folder| {
            let below = folder.strip_prefix(&base).unwrap_or(&folder);
            let run = RunDir::at(folder.clone());
            let is_of_reference = run.of_reference().is_some() || run.has_reference_checkpoints();
            let (key, replicate) = match replicate {
                0 if is_of_reference => without_replicate(below),
                _ => (below.to_string_lossy().into_owned(), replicate),
            };
            Located { key, replicate, run }
        }));
    }
    Ok(runs)
}

/// The base folder and those of its replicates that are there, with their numbers; at least one of them.
fn bases(base: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let one = replicate_base(base, 1);
    let stem = one.file_name().unwrap_or_default().to_string_lossy().trim_end_matches('1').to_owned();
    let parent = folder_of(&one);
    let mut numbers = vec![0];
    if parent.is_dir() {
        let siblings = std::fs::read_dir(parent).map_err(Error::io("read", parent))?.flatten();
        numbers.extend(siblings.filter_map(|entry| {
            let number: u64 = entry.file_name().to_string_lossy().strip_prefix(&stem)?.parse().ok()?;
            (number > 0).then_some(number)
        }));
    }
    numbers.sort_unstable();
    let found: Vec<(u64, PathBuf)> = numbers
        .into_iter()
        .map(|number| (number, replicate_base(base, number)))
        .filter(|(_, base)| base.is_dir())
        .collect();
    if found.is_empty() {
        let error = Error::data(format!("there is no folder {}", base.display()));
        return Err(error.with(Remedy::NameBaseFolder));
    }
    Ok(found)
}

/// Folders of runs below a folder, sorted.
fn collect(folder: &Path, depth: usize, runs: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.retain(|path| !path.file_name().unwrap_or_default().to_string_lossy().contains(SET_ASIDE));
    paths.sort();
    for path in paths {
        let run = RunDir::at(path.clone());
        if run.record_path().is_file() || run.events().is_dir() {
            runs.push(path);
        } else if depth > 0 {
            collect(&path, depth - 1, runs)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicates_are_found_without_the_first_instance() {
        let folder = tempfile::tempdir().unwrap();
        // A folder above may be called as it likes.
        let base = folder.path().join("mine.old-1/runs");
        let error = find_runs(&base).unwrap_err().to_string();
        assert_eq!(error, format!("there is no folder {}", base.display()));
        for replicate in [10, 2] {
            std::fs::create_dir_all(RunDir::at(replicate_base(&base, replicate).join("a/b")).events())
                .unwrap();
        }
        std::fs::create_dir_all(folder.path().join("mine.old-1/runs-rep3x/a")).unwrap();
        let found: Vec<(u64, String)> =
            find_runs(&base).unwrap().into_iter().map(|run| (run.replicate, run.key)).collect();
        assert_eq!(found, [(2, "a/b".to_owned()), (10, "a/b".to_owned())]);
    }
}
