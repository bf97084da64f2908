//! A checkpoint as one names it beside another: by its epoch, or by its path.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::checkpoint::Location;
use crate::error::{Error, Result};
use crate::run::{epoch_stem, epochs_beside};

/// A checkpoint by its epoch in the run of another one, or by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// `0`: the checkpoint of that epoch.
    Epoch(usize),
    /// Anything that is no number.
    File(PathBuf),
}

impl FromStr for Named {
    type Err = Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Infallible> {
        Ok(text.parse().map_or_else(|_| Self::File(PathBuf::from(text)), Self::Epoch))
    }
}

impl Named {
    /// Its file; an epoch's lies beside `checkpoint`, in the same format if that is a URL.
    ///
    /// # Errors
    /// [`Error::Data`] listing the epochs there are if that one is not among them.
    pub fn find(&self, checkpoint: &Path) -> Result<PathBuf> {
        let epoch = match self {
            Self::File(path) => return Ok(path.clone()),
            Self::Epoch(epoch) => epoch,
        };
        let location = Location::parse(checkpoint);
        if location.file().is_none() {
            return Ok(location.beside(&(epoch_stem(*epoch) + location.ending())).into());
        }
        let mut epochs = epochs_beside(&location)?;
        epochs.remove(epoch).ok_or_else(|| {
            let known: Vec<String> = epochs.keys().map(usize::to_string).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Error::data(format!(
                "no checkpoint of epoch {epoch} lies beside {} (epochs there: {known}); name a checkpoint by its path instead",
                checkpoint.display()
            ))
        })
    }
}
