//! A checkpoint as one names it beside another: by its epoch, or by its path.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::settings::single;
use crate::checkpoint::Location;
use crate::error::{Error, Result};
use crate::run::{epoch_stem, epochs_beside};

/// A checkpoint by its epoch in the run of another one, or by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// `0`: the checkpoint of that epoch.
    Epoch(usize),
    /// Anything that is no number.
    File(Location),
}

impl FromStr for Named {
    type Err = Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Infallible> {
        Ok(text.parse().map_or_else(|_| Self::File(Location::parse(text)), Self::Epoch))
    }
}

impl fmt::Display for Named {
    /// As it is typed.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Epoch(epoch) => write!(f, "{epoch}"),
            Self::File(location) => location.fmt(f),
        }
    }
}

single!(Named);

impl Named {
    /// Where it lies; an epoch's checkpoint lies beside `checkpoint`, in the same format if that lies on a server.
    ///
    /// # Errors
    /// [`Error::Data`] listing the epochs there are if that one is not among them.
    pub fn find(&self, checkpoint: &Location) -> Result<Location> {
        let epoch = match self {
            Self::File(location) => return Ok(location.clone()),
            Self::Epoch(epoch) => epoch,
        };
        if checkpoint.file().is_none() {
            return Ok(checkpoint.beside(&(epoch_stem(*epoch) + checkpoint.ending())));
        }
        let mut epochs = epochs_beside(checkpoint)?;
        epochs.remove(epoch).map(Location::File).ok_or_else(|| {
            let known: Vec<String> = epochs.keys().map(usize::to_string).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Error::data(format!(
                "no checkpoint of epoch {epoch} lies beside {checkpoint} (epochs there: {known}); name a checkpoint by its path instead"
            ))
        })
    }
}
