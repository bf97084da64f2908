//! A run on disk: its folder, every file name in it, and what is written there while it runs.

mod crc;
mod events;
mod find;
mod metrics;
mod reference;
mod summary;
pub mod tag;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoint::{Location, OWN_ENDING, preference};
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::file::{
    FolderLock, folder_of, is_locked, lock_folder, read_if_there, remove_temporaries, write_atomically,
};

pub use events::{EventWriter, Scalar, epoch_times, read_events};
pub use find::{Located, find_runs};
pub use metrics::{MetricsLog, MetricsRecord, read_metrics};
pub(crate) use reference::{REFERENCE_ENDING, replicate_on_the_way};
pub use reference::{ReferenceRun, key_of_folder};
pub use summary::{Curves, Status, Summary, score_in_digits};

/// How the names of checkpoints of epochs begin, here and in the reference.
pub(crate) const EPOCH_STEM: &str = "ckpt-E";
/// The name of the checkpoint that is best on the test split, without its ending.
pub(crate) const BEST_STEM: &str = "ckpt-best";

/// The base folder of a replicate: `<base>-rep<N>`, as the reference keeps its second instances.
pub fn replicate_base(base: &Path, replicate: u64) -> PathBuf {
    if replicate == 0 {
        return base.to_owned();
    }
    // `.` has no name of its own.
    let named = if base.file_name().is_some() { base.to_owned() } else { absolute(base) };
    let mut name = named.file_name().unwrap_or_default().to_owned();
    name.push(format!("-rep{replicate}"));
    named.with_file_name(name)
}

/// The path from the root, with `.` resolved; the path itself if the system does not tell.
pub fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// The checkpoints of epochs that lie beside a checkpoint, by epoch.
///
/// # Errors
/// Those of [`epochs_in`]; [`Error::Data`] for what lies on a server, where folders are not looked into.
pub fn epochs_beside(checkpoint: &Location) -> Result<BTreeMap<usize, PathBuf>> {
    let Some(file) = checkpoint.file() else {
        return Err(Error::data(format!(
            "which epochs lie beside {checkpoint} is not known; download the run's folder and name its path"
        )));
    };
    epochs_in(folder_of(file))
}

/// The checkpoints of epochs in a folder, by epoch. Where one epoch lies there in several formats, our own counts.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub fn epochs_in(folder: &Path) -> Result<BTreeMap<usize, PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let named = entries.flatten().filter_map(|entry| {
        let file = Location::from(entry.path());
        let epoch = file.stem().strip_prefix(EPOCH_STEM)?.parse().ok()?;
        Some((preference(&file.name()), epoch, entry.path()))
    });
    let mut named: Vec<(usize, usize, PathBuf)> = named.collect();
    // Of equal keys a map keeps the last.
    named.sort_by_key(|(preference, ..)| std::cmp::Reverse(*preference));
    Ok(named.into_iter().map(|(_, epoch, path)| (epoch, path)).collect())
}

/// The name of an epoch's checkpoint without its ending.
pub fn epoch_stem(epoch: usize) -> String {
    format!("{EPOCH_STEM}{epoch:03}")
}

/// The folder of one run. All file names in it are made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// `<base>/<key>`.
    pub fn new(base: &Path, key: &str) -> Self {
        Self(base.join(key))
    }

    /// A folder by its own path.
    pub fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The run that a checkpoint lies in; `None` for what lies on a server and for a file that lies in no run of ours.
    pub fn of_checkpoint(checkpoint: &Location) -> Option<Self> {
        let run = Self(absolute(checkpoint.file()?).parent()?.parent()?.to_owned());
        run.record_path().is_file().then_some(run)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The resolved settings, RON.
    pub fn record_path(&self) -> PathBuf {
        self.0.join("run.ron")
    }

    /// What happened, in sentences.
    pub fn log(&self) -> PathBuf {
        self.0.join("run.log")
    }

    /// Numbers of each epoch, a JSON object a line.
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    /// The folder of TensorBoard's event files.
    pub fn events(&self) -> PathBuf {
        self.0.join("train_tensorboard")
    }

    /// The folder of checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints")
    }

    /// The checkpoint after an epoch; 0 is before training.
    pub fn checkpoint(&self, epoch: usize) -> PathBuf {
        self.checkpoints().join(epoch_stem(epoch) + OWN_ENDING)
    }

    /// Whether a checkpoint of an epoch after the start is there.
    pub fn was_trained(&self) -> bool {
        let first = epoch_stem(0) + OWN_ENDING;
        let is_later = |name: &str| name.starts_with(EPOCH_STEM) && name != first;
        let entries = std::fs::read_dir(self.checkpoints()).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| is_later(&entry.file_name().to_string_lossy()))
    }

    /// Removes what a kill has left of files that were being written. The caller holds the lock.
    pub fn remove_temporaries(&self) {
        for folder in ["", "checkpoints", "predictions"] {
            remove_temporaries(&self.0.join(folder));
        }
    }

    /// The checkpoint that is best on the test split.
    pub fn best(&self) -> PathBuf {
        self.checkpoints().join(BEST_STEM.to_owned() + OWN_ENDING)
    }

    /// The last exponential moving average of the weights, where training keeps one.
    pub fn average(&self) -> PathBuf {
        self.checkpoints().join("ckpt-ema".to_owned() + OWN_ENDING)
    }

    /// Everything needed to go on.
    pub fn resume(&self) -> PathBuf {
        self.checkpoints().join("resume".to_owned() + OWN_ENDING)
    }

    /// What a network says of every test sample; `last`, `best` or a checkpoint's name.
    pub fn predictions(&self, name: &str) -> PathBuf {
        self.0.join("predictions").join(name.to_owned() + OWN_ENDING)
    }

    /// The folder of analyses.
    pub fn analysis(&self) -> PathBuf {
        self.0.join("analysis")
    }

    /// What the run was started with; `None` if it was not started.
    ///
    /// # Errors
    /// [`Error::Data`] if the file is there and cannot be understood.
    pub fn read_record(&self) -> Result<Option<RunRecord>> {
        let path = self.record_path();
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        ron::de::from_bytes(&text).map(Some).map_err(|error| {
            Error::data(format!(
                "{} is broken ({error}); restore it, or move the folder away",
                path.display()
            ))
        })
    }

    /// Writes what the run was started with.
    pub fn write_record(&self, record: &RunRecord) -> Result<()> {
        let text = ron::ser::to_string_pretty(record, ron::ser::PrettyConfig::default())
            .map_err(|error| Error::run(format!("the settings cannot be written: {error}")))?;
        write_atomically(&self.record_path(), |file| file.write_all(text.as_bytes()))
    }

    /// Keeps other processes from working in the folder until the lock is dropped, or the process ends.
    ///
    /// # Errors
    /// [`Error::Run`] if another process works there.
    pub fn lock(&self) -> Result<FolderLock> {
        lock_folder(&self.0)
    }

    /// Whether a process works in the folder.
    pub fn is_locked(&self) -> bool {
        is_locked(&self.0)
    }
}

/// What a run was started with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// All settings.
    pub experiment: Experiment,
    /// Which instance of the key.
    pub replicate: u64,
    /// What its last part was computed on.
    pub device: String,
    /// What earlier parts were computed on, in their order, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_devices: Vec<String>,
    /// Versions of the program and of what its results depend on.
    pub versions: BTreeMap<String, String>,
    /// SHA-256 of each split's ids and labels.
    pub data_digests: BTreeMap<String, String>,
    /// SHA-256 of the checkpoint that training started from, if any.
    pub pretrained_sha256: Option<String>,
}
