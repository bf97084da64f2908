//! A checkpoint that is analysed.

use std::path::Path;

use super::source::read;
use super::weights::Weights;
use crate::checkpoint::{Location, StateDict};
use crate::config::Experiment;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::model::{Arch, Network};

pub use super::source::Source;

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
        let (source, state) = read(&Location::parse(path), job)?;
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
/// Those of [`super::source::own_experiment`].
pub fn own_experiment(checkpoint: &Path) -> Result<Option<Experiment>> {
    super::source::own_experiment(&Location::parse(checkpoint))
}
