//! A checkpoint that is analysed.

use super::source::{Source, read};
use super::weights::Weights;
use crate::checkpoint::{Location, StateDict};
use crate::config::Experiment;
use crate::data::{Dataset, Preparation};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;
use crate::model::positions::fitted_and_said;
use crate::model::{Arch, Network};
use crate::remote;

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
    pub fn load(location: &Location, experiment: &Experiment, dataset: &Dataset, job: &Job) -> Result<Self> {
        let (source, state) = read(location, job)?;
        let size = experiment.data.configs.image_size;
        let arch = Arch::for_images(&experiment.model.arch, dataset.outputs(), size)?;
        let state = arch.with_counters(state);
        Self::new(source, arch, state, experiment, job)
    }

    /// Loads a checkpoint with the head that it has, of the architecture that it says it is of, or else of
    /// that of its run, or else of the experiment's: for analyses that look at features and parameters, not at what the head says.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file if it is missing, broken, or of another architecture; [`Error::Diverged`] if a value
    /// in it is not finite.
    pub fn load_as_it_is(location: &Location, experiment: &Experiment, job: &Job) -> Result<Self> {
        let Weights { source, arch, state } = Weights::load(location, Some(&experiment.model.arch), job)?;
        let arch = Arch::for_images(&arch.name, arch.classes, experiment.data.configs.image_size)?;
        Self::new(source, arch, state, experiment, job)
    }

    fn new(source: Source, arch: Arch, state: StateDict, experiment: &Experiment, job: &Job) -> Result<Self> {
        let file = remote::local(&source.location, job)?;
        if let Some(warning) = Preparation::warning(&source.location, &file, &experiment.data)? {
            job.emit(Event::Note(warning));
        }
        let state = fitted_and_said(&arch, state, &source.location, job);
        let network = Network::new(arch, &state, &job.device)
            .map_err(|error| Error::data(format!("{} cannot be used: {error}", source.location)))?;
        Ok(Self { source, network })
    }
}
