//! What an analysis was made from, and its result on disk.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::source::Source;
use crate::checkpoint::Location;
use crate::config::{Data, Experiment};
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::file::{digest, write_atomically};

/// Who is shown what an analysis has so far, whenever that is more.
pub type Watch<'a, T> = Option<&'a (dyn Fn(&T) + 'a)>;

/// Shows it what there is.
pub fn show<T>(watch: Watch<T>, so_far: &T) {
    if let Some(watch) = watch {
        watch(so_far);
    }
}

/// The networks and the images of an analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The checkpoints, in the order in which they were named.
    pub networks: Vec<Source>,
    /// The images, and how they are prepared.
    pub data: Data,
    /// Which of them.
    pub split: String,
    /// SHA-256 of their ids and labels.
    pub data_digest: String,
    /// How many.
    pub samples: usize,
}

impl Inputs {
    /// What `networks` and the samples of `dataset` say of themselves.
    pub fn new(experiment: &Experiment, dataset: &Dataset, split: Split, networks: &[&Source]) -> Self {
        Self {
            networks: networks.iter().map(|source| (*source).clone()).collect(),
            data: experiment.data.clone(),
            split: split.name().to_owned(),
            data_digest: dataset.digest(),
            samples: dataset.len(),
        }
    }

    /// The files or URLs of the checkpoints, as they were named.
    pub fn locations(&self) -> Vec<Location> {
        self.networks.iter().map(|network| network.location.clone()).collect()
    }

    /// A folder name that only an analysis of the same networks on the same images has; `settings` is all else that its
    /// numbers depend on.
    pub fn name(&self, settings: &str) -> String {
        let stems: String = self.networks.iter().map(|network| network.stem() + "-").collect();
        let networks: String = self.networks.iter().map(|network| network.sha256.clone() + "\n").collect();
        let preparation = format!("{:?}", self.data.wherever());
        let digest =
            digest(format!("{networks}{}\n{}\n{preparation}\n{settings}", self.data_digest, self.split));
        format!("{stems}{}", &digest[..8])
    }
}

/// A result that lies in a folder of its own as `result.json`.
pub trait Stored: Serialize + DeserializeOwned {
    /// The folder's name, which only the same analysis has.
    fn name(&self) -> String;

    /// What a folder has, of whichever analysis of this kind.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Data`] naming a file that is missing or broken.
    fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("result.json");
        parse(&std::fs::read(&path).map_err(Error::io("read", &path))?, &path)
    }

    /// What the folder has of the same analysis; `None` if it has nothing.
    ///
    /// # Errors
    /// [`Error::Data`] for a broken file, [`Error::Usage`] for one of another analysis.
    fn known(&self, folder: &Path) -> Result<Option<Self>> {
        let path = folder.join("result.json");
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(Error::io("read", &path))?,
        };
        let known: Self = parse(&text, &path)?;
        if known.name() != self.name() {
            return Err(Error::usage(format!(
                "{} holds another analysis, {}; choose another folder",
                folder.display(),
                known.name()
            )));
        }
        Ok(Some(known))
    }

    /// Writes `result.json`, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    fn save(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(Error::run)?;
        write_atomically(&folder.join("result.json"), |file| file.write_all(&json))
    }
}

fn parse<T: DeserializeOwned>(text: &[u8], path: &Path) -> Result<T> {
    serde_json::from_slice(text).map_err(|error| {
        Error::data(format!("{} is broken ({error}); remove it to compute it anew", path.display()))
    })
}
