//! A checkpoint that is analysed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, Checkpoint};
use crate::config::Experiment;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::file::file_digest;
use crate::model::{Arch, Network};
use crate::run::RunDir;

/// Where a network came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file, as it was named.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// What the file says of itself, such as its key and epoch.
    pub metadata: BTreeMap<String, String>,
}

impl Source {
    /// The file's name without its ending.
    pub fn stem(&self) -> String {
        checkpoint::stem(Path::new(&self.path))
    }
}

/// A checkpoint as a network.
#[derive(Debug)]
pub struct Subject {
    /// Where it came from.
    pub source: Source,
    /// The network.
    pub network: Network,
}

impl Subject {
    /// Loads a checkpoint as a network of the experiment's architecture, with a class for each of the data set.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file if it is missing, broken, or of another architecture.
    pub fn load(path: &Path, experiment: &Experiment, dataset: &Dataset, device: &Device) -> Result<Self> {
        let (checkpoint, sha256) = rayon::join(|| Checkpoint::load(path), || file_digest(path));
        let (Checkpoint { state, metadata }, sha256) = (checkpoint?, sha256?);
        let arch = Arch::new(&experiment.model.arch, dataset.outputs())?;
        let network = Network::new(arch, &state, device)
            .map_err(|error| Error::data(format!("{} cannot be used: {error}", path.display())))?;
        let source = Source { path: path.display().to_string(), sha256, metadata };
        Ok(Self { source, network })
    }

    /// Where its analyses are written: in its run, or below `base` if it lies in none.
    pub fn analysis_folder(&self, base: &Path) -> PathBuf {
        match RunDir::of_checkpoint(Path::new(&self.source.path)) {
            Some(run) => run.analysis(),
            None => base.join("analysis"),
        }
    }
}
