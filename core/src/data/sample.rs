//! What a data set is made of before it is one: splits, samples, lists of image files, and the subset that the settings
//! ask for.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::chexpert;
use crate::config::Subsample;
use crate::error::{Error, Result};
use crate::random::numpy::RandomState;

/// Part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// What the network learns from.
    Train,
    /// The training images as evaluation visits them: each once, where training visits some twice.
    EvalTrain,
    /// What it is measured on; the best checkpoint is chosen on it too, as in the paper.
    Test,
    /// CheXpert's official validation images, measured beside the test images.
    Dev,
}

impl Split {
    /// The name that files, events and the reference's tags have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::EvalTrain => "eval_mode_train",
            Self::Test => "test",
            Self::Dev => "dev",
        }
    }

    /// The split of that [`Split::name`].
    pub fn named(name: &str) -> Option<Self> {
        [Self::Train, Self::EvalTrain, Self::Test, Self::Dev].into_iter().find(|split| split.name() == name)
    }

    /// Of data sets that come in two halves: `train` or `test`.
    pub(super) fn half(self) -> &'static str {
        match self {
            Self::Train | Self::EvalTrain => "train",
            Self::Test | Self::Dev => "test",
        }
    }

    /// The name in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::EvalTrain => "train",
            other => other.name(),
        }
    }
}

/// What the labels of a data set say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labelling {
    /// A label is one class, from 0.
    Class,
    /// A label is a set of findings: bit k stands for finding k. These are their names.
    Findings(&'static [&'static str]),
}

impl Labelling {
    /// What the labels of a data set of that name say.
    pub fn of(data: &str) -> Self {
        if data == "CheXpert" { Self::Findings(&chexpert::NAMES) } else { Self::Class }
    }

    /// Decisions that a network makes about a sample: which class, or which of the findings.
    pub fn decisions(self) -> usize {
        match self {
            Self::Class => 1,
            Self::Findings(names) => names.len(),
        }
    }
}

/// Whether opening a data set looks at each file that it lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    /// A file that is missing or empty is an error.
    Checked,
    /// Files are only looked at when they are asked for.
    Unseen,
}

/// What is known of a sample without its pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    /// Path below the data set's folder, with forward slashes.
    pub id: String,
    /// Class from 0, or a bit for each finding.
    pub label: usize,
}

/// Checked image files.
pub(super) struct Index {
    /// The folder that ids are relative to.
    pub folder: PathBuf,
    pub samples: Vec<Sample>,
    /// Classes, or findings.
    pub outputs: usize,
}

/// A sample that a list names in one of its lines.
pub(super) struct Line {
    /// From 1.
    pub number: usize,
    pub sample: Sample,
}

/// Checks, if asked to, that every file which a list names is there and not empty.
///
/// # Errors
/// [`Error::Data`] naming the first file that is not, and its line.
pub(super) fn check_files(files: Files, folder: &Path, list: &Path, lines: &[Line]) -> Result<()> {
    if files == Files::Unseen {
        return Ok(());
    }
    let problems: Vec<Option<Error>> = lines.par_iter().map(|line| problem(folder, list, line)).collect();
    problems.into_iter().flatten().next().map_or(Ok(()), Err)
}

fn problem(folder: &Path, list: &Path, line: &Line) -> Option<Error> {
    let path = folder.join(&line.sample.id);
    let problem = match std::fs::metadata(&path) {
        Ok(file) if !file.is_file() => "is no file".to_owned(),
        Ok(file) if file.len() == 0 => "is empty (0 bytes)".to_owned(),
        Ok(_) => return None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "is not there".to_owned(),
        Err(error) => format!("cannot be read ({error})"),
    };
    Some(Error::data(format!(
        "the image {} that {}:{} lists {problem}; prepare the data again or take the line out",
        path.display(),
        list.display(),
        line.number
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
