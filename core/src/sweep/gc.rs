//! Checkpoints that runs hold and need not keep.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::checkpoint::{Location, Reader, stem};
use crate::config::{Registry, apply_overrides};
use crate::error::{Error, Result};
use crate::figure::Table;
use crate::file::remove_if_there;
use crate::number;
use crate::run::{Located, RunDir, absolute, epochs_in, find_runs};
use crate::setting::regex;
use crate::train::start::find_pretrained;

/// Which runs are searched for surplus checkpoints.
#[derive(Debug)]
pub struct GcRequest<'a> {
    /// The folder of all runs; those of its replicates are searched too.
    pub base: &'a Path,
    /// Regular expression that is found in the keys.
    pub keys: &'a str,
    /// Settings of all these runs, as `path=value`, on top of their own.
    pub set: &'a [String],
}

/// Checkpoints that may go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Surplus {
    /// By run; only runs that hold any.
    pub runs: Vec<RunSurplus>,
    /// Runs that are being trained, which nobody else touches.
    pub running: Vec<String>,
    /// Bytes of further checkpoints, which stay for `train.keep_every` or `train.keep` of their runs.
    pub asked_for_bytes: u64,
}

/// Checkpoints of one run that may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSurplus {
    /// The run's folder.
    pub run: PathBuf,
    /// The files in it, by epoch.
    pub files: Vec<PathBuf>,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Surplus {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.bytes).sum()
    }

    /// Number of files.
    pub fn files(&self) -> usize {
        self.runs.iter().map(|run| run.files.len()).sum()
    }

    /// A row for each run, and one for all.
    pub fn table(&self) -> Table {
        let row = |run: String, files: usize, bytes: u64| vec![run, files.to_string(), number::bytes(bytes)];
        let runs = self.runs.iter().map(|run| row(run.run.display().to_string(), run.files.len(), run.bytes));
        let total = row(format!("{} runs", self.runs.len()), self.files(), self.bytes());
        Table {
            columns: ["run", "files", "size"].map(str::to_owned).to_vec(),
            rows: runs.chain([total]).collect(),
        }
    }
}

/// Finds the checkpoints that the settings of their run would not keep: all but those of epoch 0, the best and the last epoch,
/// those of `train.keep_every` and `train.keep`, and those that a key of the registry or a run below the base folder starts from;
/// where a run's start is not found, all checkpoints of that name.
/// Folders that the reference wrote, runs that are being trained, and folders that were set aside are left alone.
///
/// # Errors
/// [`Error::Data`] if there is no such folder, or for a run whose record is broken: what it starts from is not known then;
/// [`Error::Usage`] for a key that no run has, or a setting that there is not.
pub fn surplus(request: &GcRequest, registry: &Registry) -> Result<Surplus> {
    let keys = regex(request.keys)?;
    let mut experiments = registry.keys().map(|key| registry.get(key)).collect::<Result<Vec<_>>>()?;
    let keys_of_registry = experiments.len();
    let mut chosen = Vec::new();
    for Located { key, run, .. } in find_runs(request.base)? {
        let Some(record) = run.read_record()? else { continue };
        if keys.is_match(&key) {
            chosen.push((run, apply_overrides(record.experiment.clone(), request.set)?.train));
        }
        experiments.push(record.experiment);
    }
    if chosen.is_empty() {
        return Err(Error::usage(format!(
            "no run below {} has a key in which {} is found; `runner configs` lists keys",
            request.base.display(),
            request.keys
        )));
    }
    let (mut read, mut named) = (HashSet::new(), HashSet::new());
    for (number, experiment) in experiments.iter().enumerate() {
        let Some(source) = &experiment.train.finetune_from else { continue };
        match find_pretrained(source, request.base) {
            Ok(location) => read.extend(location.file().map(absolute)),
            // Moved since, or typed in a folder that was not recorded: any of that name may be it.
            Err(_) if number >= keys_of_registry => _ = named.insert(Location::parse(source).stem()),
            Err(_) => {}
        }
    }

    let mut found = Surplus::default();
    for (run, train) in chosen {
        if run.is_locked() {
            found.running.push(run.root().display().to_string());
            continue;
        }
        let mut surplus = RunSurplus { run: run.root().to_owned(), files: Vec::new(), bytes: 0 };
        for (epoch, path) in dispensable(&run)? {
            if read.contains(&absolute(&path)) || named.contains(&stem(&path)) {
                continue;
            }
            let bytes = std::fs::metadata(&path).map_err(Error::io("read", &path))?.len();
            if train.keeps(epoch) {
                found.asked_for_bytes += bytes;
            } else {
                surplus.files.push(path);
                surplus.bytes += bytes;
            }
        }
        if !surplus.files.is_empty() {
            found.runs.push(surplus);
        }
    }
    Ok(found)
}

/// The checkpoints of a run but for epoch 0, the best and the last: what the settings decide on.
fn dispensable(run: &RunDir) -> Result<Vec<(usize, PathBuf)>> {
    let folder = run.checkpoints();
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let epochs = epochs_in(&folder)?;
    let last = epochs.keys().next_back().copied();
    let best = match run.best() {
        path if path.is_file() => {
            Reader::open(&path)?.metadata.get("epoch").and_then(|epoch| epoch.parse().ok())
        }
        _ => None,
    };
    let may_go = |(epoch, path): &(usize, PathBuf)| {
        *path == run.checkpoint(*epoch) && *epoch > 0 && ![last, best].contains(&Some(*epoch))
    };
    Ok(epochs.into_iter().filter(may_go).collect())
}

/// Removes what was found. A run that is being trained by now is left alone.
///
/// # Errors
/// [`Error::Io`] naming a file that cannot be removed.
pub fn remove(surplus: &mut Surplus) -> Result<()> {
    let mut removed = Vec::new();
    for run in std::mem::take(&mut surplus.runs) {
        match RunDir::at(run.run.clone()).lock() {
            Ok(_lock) => {
                for file in &run.files {
                    // Another gc may have been faster.
                    remove_if_there(file)?;
                }
                removed.push(run);
            }
            Err(Error::Run(_)) => surplus.running.push(run.run.display().to_string()),
            Err(error) => return Err(error),
        }
    }
    surplus.runs = removed;
    Ok(())
}
