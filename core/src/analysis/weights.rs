//! A checkpoint whose values are analysed, without images.

use super::architecture::architecture;
use super::source::{Source, read};
use crate::checkpoint::{Location, StateDict};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::model::Arch;
use crate::model::positions::fitted_and_said;
use crate::remote;

/// A checkpoint as the values of an architecture, all of them finite.
#[derive(Debug)]
pub struct Weights {
    /// Where they came from.
    pub source: Source,
    /// The architecture, with the head that the checkpoint has.
    pub arch: Arch,
    /// The values.
    pub state: StateDict,
}

impl Weights {
    /// Loads a checkpoint of the architecture that [`architecture`] finds, which is `arch` where nothing else says it.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file if it is missing, broken, or of another architecture; [`Error::Usage`] if nothing says
    /// which one; [`Error::Diverged`] naming a tensor with values that are not finite.
    pub fn load(location: &Location, arch: Option<&str>, job: &Job) -> Result<Self> {
        let (source, state) = read(location, job)?;
        let shapes = state.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice()));
        let file = remote::local(location, job)?;
        let arch = architecture(location, &file, &source.metadata, shapes, arch)?.ok_or_else(|| {
            Error::usage(format!(
                "{location} does not say of which architecture it is; name a key of that architecture with -k KEY"
            ))
        })?;
        let state = arch.with_counters(state);
        let specs = arch.parameters.iter().map(|spec| (spec.name.as_str(), spec.shape.as_slice()));
        if let Some(problems) = state.mismatch(specs) {
            return Err(Error::data(format!(
                "{location} is no {}: {problems}; choose a checkpoint of this architecture, or name a key of another with -k KEY",
                arch.name
            )));
        }
        Ok(Self { source, arch, state })
    }

    /// The same values with learned positions for the grid of another network, which is said where they are resampled.
    #[must_use]
    pub fn fitted(self, arch: &Arch, job: &Job) -> Self {
        let state = fitted_and_said(arch, self.state, &self.source.location, job);
        Self { state, ..self }
    }
}
