//! A checkpoint that is analysed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::weights::Weights;
use crate::checkpoint::{self, Checkpoint, StateDict};
use crate::config::Experiment;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::model::{Arch, Network};
use crate::remote;
use crate::run::RunDir;

/// Where a network came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file or URL, as it was named.
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

    /// Where analyses that name it first are written: in its run, or below `base` if it lies in none.
    pub fn analysis_folder(&self, base: &Path) -> PathBuf {
        match RunDir::of_checkpoint(Path::new(&self.path)) {
            Some(run) => run.analysis(),
            None => base.join("analysis"),
        }
    }

    /// The folder of a result: the one that was asked for, or `<kind>/<name>` where this checkpoint's analyses are written.
    pub fn result_folder(&self, kind: &str, name: &str, base: &Path, output: Option<&Path>) -> PathBuf {
        match output {
            Some(folder) => folder.to_owned(),
            None => self.analysis_folder(base).join(kind).join(name),
        }
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
    /// [`Error::Data`] naming the file if it is missing, broken, or of another architecture; [`Error::Diverged`] if a value
    /// in it is not finite.
    pub fn load(path: &Path, experiment: &Experiment, dataset: &Dataset, job: &Job) -> Result<Self> {
        let (source, state) = read(path, job)?;
        let arch = Arch::new(&experiment.model.arch, dataset.outputs())?;
        Self::new(source, arch, &state, job)
    }

    /// Loads a checkpoint with the head that it has, of the architecture that it says it is of, or else of
    /// that of its run, or else of the experiment's: for analyses that look at features and parameters, not at what the head says.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file if it is missing, broken, or of another architecture; [`Error::Diverged`] if a value
    /// in it is not finite.
    pub fn load_as_it_is(path: &Path, experiment: &Experiment, job: &Job) -> Result<Self> {
        let Weights { source, arch, state } = Weights::load(path, Some(&experiment.model.arch), job)?;
        Self::new(source, arch, &state, job)
    }

    fn new(source: Source, arch: Arch, state: &StateDict, job: &Job) -> Result<Self> {
        let network = Network::new(arch, state, &job.device)
            .map_err(|error| Error::data(format!("{} cannot be used: {error}", source.path)))?;
        Ok(Self { source, network })
    }
}

/// The settings of the run that a checkpoint lies in, if it lies in one.
///
/// # Errors
/// [`Error::Data`] if the run's record is broken, or there is no such checkpoint.
pub fn own_experiment(checkpoint: &Path) -> Result<Option<Experiment>> {
    let run = RunDir::of_checkpoint(checkpoint);
    let record = run.map(|run| run.read_record()).transpose()?.flatten();
    if record.is_none() && !checkpoint.exists() && !remote::is_url(checkpoint) {
        return Err(Error::data(format!("there is no checkpoint {}; check the path", checkpoint.display())));
    }
    Ok(record.map(|record| record.experiment))
}

/// A checkpoint's values, all of them finite, and where they come from.
///
/// # Errors
/// [`Error::Data`] naming the file if it is missing or broken, [`Error::Diverged`] naming a tensor with a value that is not finite.
pub(super) fn read(path: &Path, job: &Job) -> Result<(Source, StateDict)> {
    let (Checkpoint { state, metadata }, sha256) = remote::load(path, job)?;
    let source = Source { path: path.display().to_string(), sha256, metadata };
    for tensor in &state.tensors {
        if let Some(value) = tensor.data.iter().find(|value| !value.is_finite()) {
            return Err(Error::Diverged(format!(
                "{} holds {value} in {}, which is not finite; choose a checkpoint from before the training diverged",
                source.path, tensor.name
            )));
        }
    }
    Ok((source, state))
}
