//! Studies: some runs, the lines between them, and a report, on one command.

mod definition;
mod report;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::analysis::interpolation::{self, Interpolation, interpolate};
use crate::analysis::selection::Selection;
use crate::config::{Registry, apply_overrides};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::{file_digest, write_atomically};
use crate::job::Job;
use crate::train::launch::{Existing, Outcome, Request, launch};

pub use definition::{Coefficients, Member, Study};

/// What a study is run with.
#[derive(Debug)]
pub struct Options<'a> {
    /// The base folder of all runs.
    pub base: &'a Path,
    /// Added to the seeds of all runs; studies with different seeds need different base folders.
    pub seed: u64,
    /// Settings of all runs, as `path=value`, on top of the study's own.
    pub set: &'a [String],
}

/// Where a study ended up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The page to read.
    pub report: PathBuf,
    /// Whether there was anything to do.
    pub outcome: Outcome,
}

/// A run of a study with all that is asked of it.
struct Run<'a> {
    member: &'a Member,
    request: Request,
}

impl Run<'_> {
    /// The checkpoint after the last epoch.
    fn last(&self) -> PathBuf {
        self.request.run_dir().checkpoint(self.request.experiment.train.epochs)
    }
}

/// The line between two runs of a study.
struct Line {
    label: String,
    result: Interpolation,
    folder: PathBuf,
}

/// Trains what is missing, measures the lines, and writes `<base>/studies/<name>/report.html`.
///
/// # Errors
/// Those of [`launch`] and of [`interpolate`].
pub fn run(study: &Study, options: &Options, registry: &Registry, job: &Job) -> Result<Finished> {
    let base = options.base;
    let runs = study
        .runs
        .iter()
        .map(|member| Ok(Run { member, request: request(member, options, registry)? }))
        .collect::<Result<Vec<Run>>>()?;
    let folder = base.join("studies").join(&study.name);
    let report = folder.join("report.html");
    let stamp_path = folder.join("study.json");
    if report.is_file() && all_done(&runs)? && read_stamp(&stamp_path) == Some(stamp(study, &runs)?) {
        return Ok(Finished { report, outcome: Outcome::AlreadyDone });
    }

    for (number, run) in runs.iter().enumerate() {
        let Member { name, key, replicate, .. } = run.member;
        let place = format!("run {} of {}", number + 1, runs.len());
        job.emit(Event::Note(format!("{place}: {name} ({key}, replicate {replicate})")));
        launch(&run.request, job)?;
    }
    let coefficients = study.coefficients.values();
    let mut lines = Vec::new();
    for (from, to) in &study.pairs {
        let [one, two] = [from, to].map(|name| &runs[study.position(name)]);
        let label = format!("{} to {}", one.member.name, two.member.name);
        job.emit(Event::Note(format!("the line from {label}")));
        let request = interpolation::Request {
            coefficients: &coefficients,
            experiment: &one.request.experiment,
            selection: Selection::TEST,
            base,
            output: None,
        };
        let (result, folder) = interpolate(&one.last(), &two.last(), &request, job)?;
        lines.push(Line { label, result, folder });
    }
    report::write(study, options, &runs, &lines, &folder)?;
    let stamp = serde_json::to_vec_pretty(&stamp(study, &runs)?).map_err(Error::run)?;
    write_atomically(&stamp_path, |file| file.write_all(&stamp))?;
    Ok(Finished { report, outcome: Outcome::Trained })
}

fn request(member: &Member, options: &Options, registry: &Registry) -> Result<Request> {
    let mut experiment = registry.get(&member.key)?;
    experiment.seed.init = options.seed + member.replicate;
    experiment.seed.order = options.seed + member.replicate;
    let experiment = apply_overrides(experiment, &[member.set.as_slice(), options.set].concat())?;
    experiment.validate()?;
    let (base, replicate) = (options.base.to_owned(), member.replicate);
    Ok(Request { experiment, base, work_dir: None, replicate, existing: Existing::Resume })
}

fn all_done(runs: &[Run]) -> Result<bool> {
    for run in runs {
        if !run.request.is_done()? || !run.last().is_file() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a report was made from: it is made anew when any of it changes.
fn stamp(study: &Study, runs: &[Run]) -> Result<Value> {
    let digests = runs.iter().map(|run| file_digest(&run.last())).collect::<Result<Vec<String>>>()?;
    Ok(json!({ "basin": env!("CARGO_PKG_VERSION"), "study": study, "checkpoints": digests }))
}

fn read_stamp(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
