//! A checkpoint whose values are analysed, without images.

use std::path::Path;

use super::subject::{Source, read};
use crate::checkpoint::StateDict;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::model::Arch;
use crate::run::RunDir;

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
    /// Loads a checkpoint of the architecture that it says it is of, or else of that of its run, or else of `arch`.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file if it is missing, broken, or of another architecture; [`Error::Usage`] if nothing says
    /// which one; [`Error::Diverged`] naming a tensor with values that are not finite.
    pub fn load(path: &Path, arch: Option<&str>, job: &Job) -> Result<Self> {
        let (source, state) = read(path, job)?;
        let own = source.metadata.get("arch").filter(|own| Arch::names().any(|name| name == own.as_str()));
        let record = RunDir::of_checkpoint(path).map(|run| run.read_record()).transpose()?.flatten();
        let of_run = record.as_ref().map(|record| record.experiment.model.arch.as_str());
        let Some(name) = own.map(String::as_str).or(of_run).or(arch) else {
            return Err(Error::usage(format!(
                "{} does not say of which architecture it is; name a key of that architecture with -k KEY",
                source.path
            )));
        };
        let arch = Arch::with_head_of(name, |bias| Some(state.get(bias)?.data.len()))?;
        let specs = arch.parameters.iter().map(|spec| (spec.name.as_str(), spec.shape.as_slice()));
        if let Some(problems) = state.mismatch(specs) {
            return Err(Error::data(format!(
                "{} is no {name}: {problems}; choose a checkpoint of this architecture, or name a key of another with -k KEY",
                source.path
            )));
        }
        Ok(Self { source, arch, state })
    }
}
