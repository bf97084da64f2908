//! Where a network came from, and where analyses of it are written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, Location, StateDict};
use crate::config::{Experiment, Registry};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::model::foreign::in_our_names;
use crate::remote;
use crate::run::{RunDir, key_of_folder};

/// Where a network came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file, URL or place on the hub, as it was named.
    #[serde(rename = "path")]
    pub location: Location,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// What the file says of itself, such as its key and epoch.
    pub metadata: BTreeMap<String, String>,
}

impl Source {
    /// The file's name without its ending.
    pub fn stem(&self) -> String {
        self.location.stem()
    }

    /// Where analyses that name it first are written: in its run, or below `base` if it lies in none.
    pub fn analysis_folder(&self, base: &Path) -> PathBuf {
        match RunDir::of_checkpoint(&self.location) {
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

/// A checkpoint's state dict, all of whose values are finite, and where it comes from.
///
/// # Errors
/// [`Error::Data`] naming the file if it is missing or broken, [`Error::Diverged`] naming a tensor with a value that is not finite.
pub(super) fn read(location: &Location, job: &Job) -> Result<(Source, StateDict)> {
    let (Checkpoint { state, metadata }, sha256) = remote::load(location, job)?;
    let state = in_our_names(state, location, job);
    let source = Source { location: location.clone(), sha256, metadata };
    state.check_finite(location)?;
    Ok((source, state))
}

/// The settings of the run that a checkpoint lies in, if it lies in one: those of its record, or, of a run that the reference wrote,
/// those of the key that its path names.
///
/// # Errors
/// [`Error::Data`] if the run's record is broken, or if there is no such file.
pub fn own_experiment(checkpoint: &Location) -> Result<Option<Experiment>> {
    let experiment = experiment_of_run(checkpoint)?;
    if experiment.is_none() && checkpoint.is_missing() {
        return Err(Error::data(format!("there is no checkpoint {checkpoint}; check the path")));
    }
    Ok(experiment)
}

/// The same, whether or not the checkpoint is there.
pub(super) fn experiment_of_run(checkpoint: &Location) -> Result<Option<Experiment>> {
    if let Some(run) = RunDir::of_reference_checkpoint(checkpoint) {
        let registry = Registry::load()?;
        return key_of_folder(run.root(), &registry).map(|(key, _)| registry.get(&key)).transpose();
    }
    let record = RunDir::of_checkpoint(checkpoint).map(|run| run.read_record()).transpose()?.flatten();
    Ok(record.map(|record| record.experiment))
}
