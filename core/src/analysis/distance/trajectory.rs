//! Distances along the training of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Distance, distance};
use crate::analysis::record::{Stored, claim};
use crate::analysis::request::Surroundings;
use crate::analysis::source::Source;
use crate::analysis::weights::Weights;
use crate::checkpoint::Location;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::{digest, file_digest};
use crate::job::Job;
use crate::run::{RunDir, epochs_in};
use crate::train::start::find_pretrained;

/// How far a run has moved at each kept checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trajectory {
    /// Version of this form.
    pub schema: u32,
    /// The run's folder.
    pub run: String,
    /// Architecture.
    pub arch: String,
    /// The weights that training started from, if the run was fine-tuned.
    pub pretrained: Option<Source>,
    /// SHA-256 of the kept checkpoints' bytes, by epoch.
    pub checkpoints: BTreeMap<usize, String>,
    /// Each of them.
    pub steps: Vec<Step>,
}

/// Distances of the checkpoint of one epoch, each relative to what it is measured from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The epoch.
    pub epoch: usize,
    /// From the network before training, of epoch 0.
    pub start: Distance,
    /// From the pre-trained network, if there is one.
    pub pretrained: Option<Distance>,
    /// From the network after training.
    pub last: Distance,
}

/// What a distance is measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// The network before training.
    Start,
    /// The pre-trained network.
    Pretrained,
    /// The network after training.
    Last,
}

impl Reference {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Start, Self::Pretrained, Self::Last];

    /// Its part of file names.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pretrained => "pretrained",
            Self::Last => "last",
        }
    }

    /// In words, after "distance to".
    pub fn words(self) -> &'static str {
        match self {
            Self::Start => "the start",
            Self::Pretrained => "the pre-trained weights",
            Self::Last => "the last epoch",
        }
    }
}

impl Step {
    /// The distance from one of them, if it is there.
    pub fn from(&self, reference: Reference) -> Option<&Distance> {
        match reference {
            Reference::Start => Some(&self.start),
            Reference::Pretrained => self.pretrained.as_ref(),
            Reference::Last => Some(&self.last),
        }
    }
}

impl Stored for Trajectory {
    fn name(&self) -> String {
        let pretrained = self.pretrained.iter().map(|source| &source.sha256);
        let networks: String =
            self.checkpoints.values().chain(pretrained).map(|sha256| sha256.clone() + "\n").collect();
        let digest = digest(format!("{networks}{}", self.arch));
        format!("trajectory-{}", &digest[..8])
    }
}

/// Measures how far each kept checkpoint of a run is from its start, from its pre-trained weights and from its end. `arch` is
/// the architecture of checkpoints that do not say theirs; relative names of pre-trained weights start in the base folder.
///
/// # Errors
/// [`Error::Data`] if the folder holds no checkpoint of epoch 0, or none after it, and those of [`Weights::load`].
pub(super) fn trajectory(
    run: &Path,
    arch: Option<&str>,
    surroundings: &Surroundings,
    job: &Job,
) -> Result<(Trajectory, PathBuf)> {
    let paths = kept(run)?;
    let (Some(start), Some((_, last))) = (paths.get(&0), paths.last_key_value()) else {
        return Err(Error::data(format!(
            "{} holds no checkpoint of epoch 0 to measure from; name the folder of a run",
            run.display()
        )));
    };
    if paths.len() < 2 {
        return Err(Error::data(format!(
            "{} holds no checkpoint after epoch 0; train it first",
            run.display()
        )));
    }
    let load = |path: &PathBuf| Weights::load(&path.clone().into(), arch, job);
    let [start, last] = [load(start)?, load(last)?];
    let pretrained = pretrained(run, &surroundings.base, job)?
        .map(|location| Ok(Weights::load(&location, arch, job)?.fitted(&start.arch, job)))
        .transpose()?;
    let checkpoints = paths.iter().map(|(epoch, path)| Ok((*epoch, file_digest(path)?)));
    let mut result = Trajectory {
        schema: 1,
        run: run.display().to_string(),
        arch: start.arch.name.clone(),
        pretrained: pretrained.as_ref().map(|weights| weights.source.clone()),
        checkpoints: checkpoints.collect::<Result<_>>()?,
        steps: Vec::new(),
    };
    let own = || RunDir::at(run.to_owned()).analysis().join("distance").join(result.name());
    let folder = surroundings.output.clone().unwrap_or_else(own);
    if let Some(known) = result.known(&folder)? {
        return Ok((known, folder));
    }
    let _lock = claim(&folder)?;

    let total = paths.len() as u64;
    for (epoch, path) in &paths {
        job.check()?;
        let here = load(path)?;
        let from = |reference: &Weights| {
            distance(&reference.arch, &reference.state, &here.state).map_err(|error| {
                Error::data(format!("{} and {}: {error}", reference.source.location, here.source.location))
            })
        };
        let pretrained = pretrained.as_ref().map(from).transpose()?;
        result.steps.push(Step { epoch: *epoch, start: from(&start)?, pretrained, last: from(&last)? });
        let (what, done) = ("comparing".to_owned(), result.steps.len() as u64);
        job.emit(Event::Progress { what, done, total, unit: "checkpoints" });
    }
    result.save(&folder)?;
    Ok((result, folder))
}

/// The checkpoints of a run by epoch: in the folder where ours are, or, as the reference's, in the run's own.
fn kept(run: &Path) -> Result<BTreeMap<usize, PathBuf>> {
    let ours = RunDir::at(run.to_owned()).checkpoints();
    epochs_in(if ours.is_dir() { &ours } else { run })
}

/// The checkpoint that a run was fine-tuned from; one that is gone is told and left out.
fn pretrained(run: &Path, base: &Path, job: &Job) -> Result<Option<Location>> {
    let record = RunDir::at(run.to_owned()).read_record()?;
    let Some(source) = record.and_then(|record| record.experiment.train.finetune_from) else {
        return Ok(None);
    };
    match find_pretrained(&source, base) {
        Ok(location) => Ok(Some(location)),
        Err(error) => {
            job.emit(Event::Note(format!("distances to the pre-trained weights are left out: {error}")));
            Ok(None)
        }
    }
}
