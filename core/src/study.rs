//! Studies: some runs, what is measured on their networks, and a report, on one command.

mod claim;
mod definition;
mod network;
mod part;
mod plan;
mod report;
mod section;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use self::section::Measuring;
use crate::config::Registry;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::{file_digest, lock_folder, read, remove_temporaries, write_atomically};
use crate::job::Job;
use crate::train::check;
use crate::train::launch::{Existing, Outcome, TrainRequest, launch};

pub use claim::{Claim, Comparison, Verdict};
pub use definition::{Member, Study, Sweep};
pub use part::{Numbers, Part};
pub use plan::plan;

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
struct Run {
    member: Member,
    request: TrainRequest,
}

impl Run {
    /// The checkpoint after the last epoch.
    fn last(&self) -> PathBuf {
        self.request.run_dir().found_checkpoint(self.request.experiment.train.epochs)
    }
}

/// Trains what is missing, measures, and writes `<base>/studies/<name>/report.html`.
///
/// # Errors
/// Those of [`launch`] and of the analyses.
pub fn run(study: &Study, options: &Options, registry: &Arc<Registry>, job: &Job) -> Result<Finished> {
    let base = options.base;
    let runs = runs(study, options, registry)?;
    let folder = base.join("studies").join(&study.name);
    let report = folder.join("report.html");
    let stamp_path = folder.join("study.json");
    if report.is_file() && all_done(&runs)? && read_stamp(&stamp_path) == Some(stamp(study, &runs)?) {
        return Ok(Finished { report, outcome: Outcome::AlreadyDone });
    }

    for (number, run) in runs.iter().enumerate() {
        let Member { name, key, replicate, .. } = &run.member;
        let place = format!("run {} of {}", number + 1, runs.len());
        job.emit(Event::Note(format!("{place}: {name} ({key}, replicate {replicate})")));
        launch(&run.request, job)?;
    }
    let measuring = Measuring { base, set: options.set, registry, runs: &runs, job };
    let mut sections = Vec::new();
    for (number, part) in study.parts.iter().enumerate() {
        let place = format!("part {} of {}", number + 1, study.parts.len());
        job.emit(Event::Note(format!("{place}: {}", part.title)));
        sections.push(part.analysis.visit(measuring)?);
    }
    let verdicts = claim::verdicts(&study.claims, &sections);
    let _lock = lock_folder(&folder)?;
    remove_temporaries(&folder);
    report::write(study, options, registry, &runs, &sections, &verdicts, &folder)?;
    let results = json!({ "verdicts": verdicts, "measures": claim::measures(&sections) });
    let results = serde_json::to_vec_pretty(&results).map_err(Error::run)?;
    write_atomically(&folder.join("results.json"), |file| file.write_all(&results))?;
    let stamp = serde_json::to_vec_pretty(&stamp(study, &runs)?).map_err(Error::run)?;
    write_atomically(&stamp_path, |file| file.write_all(&stamp))?;
    Ok(Finished { report, outcome: Outcome::Trained })
}

/// All runs of a study with their settings.
fn runs(study: &Study, options: &Options, registry: &Registry) -> Result<Vec<Run>> {
    let members = study.members(registry)?.into_iter();
    members.map(|member| Ok(Run { request: request(&member, options, registry)?, member })).collect()
}

fn request(member: &Member, options: &Options, registry: &Registry) -> Result<TrainRequest> {
    let set = [member.set.as_slice(), options.set].concat();
    let experiment = registry.seeded(&member.key, options.seed + member.replicate, &set)?;
    check(&experiment)?;
    let (base, replicate) = (options.base.to_owned(), member.replicate);
    Ok(TrainRequest { experiment, base, work_dir: None, replicate, existing: Existing::Resume })
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
    serde_json::from_slice(&read(path).ok()?).ok()
}
