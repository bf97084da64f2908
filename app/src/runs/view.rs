//! The contents of one run, as the window shows them.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use basin_core::checkpoint::ending;
use basin_core::config::Registry;
use basin_core::run::{Located, Summary, absolute};

/// A run as it was when it was read.
#[derive(Debug, Clone)]
pub struct RunView {
    /// Its key and folder.
    pub run: Located,
    /// Settings and curves, or why they cannot be read.
    pub summary: Result<Summary, String>,
    /// The checkpoints: the best first, then those of epochs from the last to the first.
    pub checkpoints: Vec<PathBuf>,
    /// Analyses that name a checkpoint of this run first.
    pub results: Vec<StoredResult>,
    /// The state of the files that this was read from.
    pub(super) stamp: Stamp,
}

/// An analysis on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResult {
    /// The kind of analysis, such as `interpolation`.
    pub kind: String,
    /// Its folder, which holds `result.json`.
    pub folder: PathBuf,
}

/// The state of a run's files, to tell whether they have changed: the latest time, the sum of sizes, and whether a process holds
/// the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    newest: Option<SystemTime>,
    bytes: u64,
    is_locked: bool,
}

impl Stamp {
    /// The present state.
    pub fn of(run: &Located) -> Self {
        let folder = &run.run;
        let mut files = vec![folder.record_path(), folder.metrics()];
        let analysis = folder.analysis();
        files.extend([folder.checkpoints(), folder.root().join("predictions"), analysis.clone()]);
        files.extend(entries(&analysis));
        if !folder.metrics().is_file() {
            files.extend(entries(&folder.events()));
        }
        let metadata: Vec<Metadata> = files.iter().filter_map(|path| path.metadata().ok()).collect();
        Self {
            newest: metadata.iter().filter_map(|file| file.modified().ok()).max(),
            bytes: metadata.iter().map(Metadata::len).sum(),
            is_locked: folder.is_locked(),
        }
    }
}

impl RunView {
    /// Reads a run.
    pub(super) fn read(run: Located, stamp: Stamp, registry: &Registry) -> Self {
        let summary = Summary::read(&run, registry).map_err(|error| error.to_string());
        let checkpoints = checkpoints(&run.run.checkpoints());
        let results = stored_results(&run.run.analysis());
        Self { run, summary, checkpoints, results, stamp }
    }
}

/// The checkpoints in a folder: the best first, then those of epochs from the last to the first.
fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let is_checkpoint = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("ckpt") && ending(&name).is_some()
    };
    let mut found: Vec<PathBuf> = entries(folder).into_iter().filter(is_checkpoint).collect();
    found.sort();
    found.reverse();
    found
}

/// The results in a folder of analyses, by kind and name.
pub fn stored_results(analysis: &Path) -> Vec<StoredResult> {
    let mut results = Vec::new();
    for kind in entries(analysis) {
        let name = kind.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folders = entries(&kind).into_iter().filter(|folder| folder.join("result.json").is_file());
        results.extend(folders.map(|folder| StoredResult { kind: name.clone(), folder: absolute(&folder) }));
    }
    results.sort_by(|a, b| (&a.kind, &a.folder).cmp(&(&b.kind, &b.folder)));
    results
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
