//! What a data set is made of before it is one: splits, samples, and the subset that the settings ask for.

use crate::config::Subsample;
use crate::random::numpy::RandomState;

/// Part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// What the network learns from.
    Train,
    /// What it is measured on; the best checkpoint is chosen on it too, as in the paper.
    Test,
}

impl Split {
    /// `train` or `test`, as in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
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
#[derive(Debug)]
pub(super) struct Sample {
    /// Path below the data set's folder, with forward slashes.
    pub id: String,
    /// Class, from 0.
    pub label: usize,
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
