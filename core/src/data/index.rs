//! The index of a split: its samples in order, read from a list or from folders, and the subset that the settings ask for.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::pixels::Pixels;
use crate::config::Subsample;
use crate::error::{Error, Result};
use crate::random::numpy::RandomState;

/// What is known of a sample without its pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Path below the data set's folder, with forward slashes, or another name that no other sample has.
    pub id: String,
    /// Class from 0, or a bit for each finding.
    pub label: usize,
}

/// One split as a [`DataSource`](super::DataSource) opens it.
#[derive(Debug)]
pub struct Index {
    /// The samples in order; one that is there twice is visited twice an epoch.
    pub samples: Vec<Sample>,
    /// Outputs of a network for this data: classes, also those without a sample, or findings.
    pub outputs: usize,
    /// Where the pixels of each sample are.
    pub pixels: Pixels,
}

/// Whether opening a split looks at each image file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// A file that is missing or empty is an error.
    Checked,
    /// Files are only looked at when their pixels are asked for.
    Unchecked,
}

/// A sample, and the line of the list file that names it.
pub(super) struct ListedSample {
    /// From 1.
    pub line: usize,
    pub sample: Sample,
}

/// What is in a folder, in no order, without what is hidden, such as `.ipynb_checkpoints` and `._0.png`.
///
/// # Errors
/// [`Error::Io`] if it cannot be read.
pub(super) fn visible(folder: &Path) -> Result<impl Iterator<Item = Result<PathBuf>>> {
    let unread = |source| Error::io("read", folder)(source);
    let entries = std::fs::read_dir(folder).map_err(unread)?;
    Ok(entries.filter_map(move |entry| match entry {
        Ok(entry) if entry.file_name().as_encoded_bytes().starts_with(b".") => None,
        entry => Some(entry.map(|entry| entry.path()).map_err(unread)),
    }))
}

/// Checks, if asked to, that every file which a list names is there and not empty.
///
/// # Errors
/// [`Error::Data`] naming the first file that is not, and its line.
pub(super) fn check_files(files: Files, folder: &Path, list: &Path, listed: &[ListedSample]) -> Result<()> {
    if files == Files::Unchecked {
        return Ok(());
    }
    let problems: Vec<Option<Error>> =
        listed.par_iter().map(|listed| problem(folder, list, listed)).collect();
    problems.into_iter().flatten().next().map_or(Ok(()), Err)
}

fn problem(folder: &Path, list: &Path, ListedSample { line, sample }: &ListedSample) -> Option<Error> {
    let path = folder.join(&sample.id);
    let problem = match std::fs::metadata(&path) {
        Ok(file) if !file.is_file() => "is no file".to_owned(),
        Ok(file) if file.len() == 0 => "is empty (0 bytes)".to_owned(),
        Ok(_) => return None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "is not there".to_owned(),
        Err(error) => format!("cannot be read ({error})"),
    };
    Some(Error::data(format!(
        "the image {} that {}:{line} lists {problem}; prepare the data again or take the line out",
        path.display(),
        list.display()
    )))
}

/// Draws `size` items without replacement, in the drawn order, if there are more.
pub(super) fn subset<T>(items: Vec<T>, subsample: Option<Subsample>) -> Vec<T> {
    let Some(Subsample { size, seed }) = subsample else { return items };
    if items.len() <= size {
        return items;
    }
    let chosen = RandomState::new(seed).choice(items.len(), size);
    let mut items: Vec<_> = items.into_iter().map(Some).collect();
    chosen.into_iter().filter_map(|at| items[at].take()).collect()
}
