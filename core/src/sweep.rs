//! Sweeps: many runs, what each waits for, how far each is, and which can start next.

pub mod gc;
mod need;
mod overview;
mod schedule;
mod state;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::config::Registry;
use crate::error::{Error, Result};
use crate::run::replicate_base;
use crate::train::check;
use crate::train::launch::{Existing, TrainRequest};

pub use need::Need;
pub use overview::{Overview, Row, overview};
pub use schedule::{Ending, Schedule};
pub use state::RunState;

/// Which runs are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Regular expression that is found in the keys.
    pub pattern: &'a str,
    /// Which instances of each key.
    pub replicates: &'a [u64],
    /// The base folder of all runs.
    pub base: &'a Path,
    /// Settings of all runs, as `path=value`.
    pub set: &'a [String],
}

/// One run of a sweep.
#[derive(Debug, Clone)]
pub struct Task {
    /// The run.
    pub request: TrainRequest,
    /// The checkpoint of another run that it starts from.
    pub need: Option<Need>,
    /// How far it is.
    pub state: RunState,
}

impl Task {
    /// The key, and which instance of it.
    pub fn name(&self) -> String {
        let key = &self.request.experiment.key;
        match self.request.replicate {
            0 => key.clone(),
            replicate => format!("{key} (replicate {replicate})"),
        }
    }

    /// Where a sweep keeps what the run's process says.
    pub fn log(&self) -> PathBuf {
        log(&self.request)
    }
}

fn log(request: &TrainRequest) -> PathBuf {
    let base = replicate_base(&request.base, request.replicate);
    base.join("logs").join(format!("{}.log", request.experiment.key))
}

/// The runs that are wanted, by replicate and in the registry's order.
///
/// # Errors
/// [`Error::Usage`] if the pattern finds no key or is no regular expression, or naming the key whose settings are wrong.
pub fn tasks(wanted: &Wanted, registry: &Registry) -> Result<Vec<Task>> {
    let keys = registry.matching(wanted.pattern)?;
    if keys.is_empty() {
        return Err(Error::usage(format!(
            "no key matches {}; list keys with `runner configs REGEX`",
            wanted.pattern
        )));
    }
    let mut replicates = wanted.replicates.to_vec();
    replicates.sort_unstable();
    replicates.dedup();
    let mut requests = Vec::new();
    for replicate in replicates {
        for key in &keys {
            let request = request(key, replicate, wanted, registry);
            requests.push(request.map_err(|error| Error::usage(format!("{key}: {error}")))?);
        }
    }
    let folders = requests.iter().enumerate();
    let folders: HashMap<PathBuf, usize> =
        folders.map(|(index, request)| (need::lexical(request.run_dir().root()), index)).collect();
    let known = need::Known { runs: &folders, registry };
    let task =
        |request: TrainRequest| Task { need: known.need(&request), state: RunState::of(&request), request };
    Ok(requests.into_iter().map(task).collect())
}

fn request(key: &str, replicate: u64, wanted: &Wanted, registry: &Registry) -> Result<TrainRequest> {
    let experiment = registry.seeded(key, replicate, wanted.set)?;
    check(&experiment)?;
    let base = wanted.base.to_owned();
    Ok(TrainRequest { experiment, base, work_dir: None, replicate, existing: Existing::Resume })
}
