//! A checkpoint that is open: what it says of itself at once, numbers about its values when they are read. Between readings no
//! file is held.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use basin_core::checkpoint::{Inspection, Reader, Statistics, TensorInfo, inspect};
use basin_core::error::{Error, Result};
use basin_core::model::Arch;
use basin_core::run::RunDir;
use egui::Context;

use crate::background::Slot;

/// Between two looks at whether a file is as it was.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The state of a file: its time and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    modified: SystemTime,
    bytes: u64,
}

impl Stamp {
    /// Of a file as it is now.
    fn of(path: &Path) -> Result<Self> {
        let stamp = || {
            let metadata = path.metadata()?;
            Ok(Self { modified: metadata.modified()?, bytes: metadata.len() })
        };
        stamp().map_err(Error::io("read", path))
    }

    /// Makes sure that a file is as it was.
    pub fn check(self, path: &Path) -> Result<()> {
        match Self::of(path)? == self {
            true => Ok(()),
            false => Err(Error::data(format!("{} has changed on disk; read it again", path.display()))),
        }
    }
}

/// What is known of a checkpoint.
#[derive(Debug)]
pub struct Contents {
    /// Of which state of the file.
    pub stamp: Stamp,
    /// `safetensors`, `PyTorch` or `PyTorch before 1.6`.
    pub format: &'static str,
    /// What the file says of itself.
    pub metadata: BTreeMap<String, String>,
    /// Its tensors.
    pub tensors: Vec<TensorInfo>,
    /// Numbers of each tensor, and of all together, once they are known.
    pub numbers: Option<(Vec<Statistics>, Statistics)>,
    /// The architecture that the file or its run names.
    pub arch: Option<Arch>,
    /// Side of the images that its run reads, pixels.
    pub image_size: Option<usize>,
}

impl Contents {
    /// Reads what the file says of itself.
    fn describe(path: &Path) -> Result<Self> {
        let stamp = Stamp::of(path)?;
        Ok(Self::new(path, stamp, Reader::open(path)?))
    }

    /// Reads all values.
    fn measure(path: &Path) -> Result<Self> {
        let stamp = Stamp::of(path)?;
        let Inspection { reader, tensors, total } = inspect(path)?;
        Ok(Self { numbers: Some((tensors, total)), ..Self::new(path, stamp, reader) })
    }

    fn new(path: &Path, stamp: Stamp, reader: Reader) -> Self {
        let Reader { format, metadata, tensors, .. } = reader;
        // Without a readable record modules are named by their tensors alone.
        let record = RunDir::of_checkpoint(path).and_then(|run| run.read_record().ok().flatten());
        let experiment = record.map(|record| record.experiment);
        let own = metadata.get("arch").filter(|own| Arch::names().any(|name| name == own.as_str()));
        let name = own.or(experiment.as_ref().map(|experiment| &experiment.model.arch));
        let length = |name: &str| Some(tensors.iter().find(|tensor| tensor.name == name)?.len());
        let arch = name.and_then(|name| Arch::with_head_of(name, length).ok());
        let image_size = experiment.map(|experiment| experiment.data.configs.image_size);
        Self { stamp, format, metadata, tensors, numbers: None, arch, image_size }
    }
}

/// A checkpoint that is looked at.
pub struct Opened {
    /// The file.
    pub path: PathBuf,
    described: Slot<Contents>,
    measured: Slot<Contents>,
    watched: Slot<Stamp>,
    looked: Option<Instant>,
}

impl Opened {
    /// A file that is read at the next update.
    pub fn new(path: PathBuf) -> Self {
        let (described, measured, watched) = (Slot::default(), Slot::default(), Slot::default());
        Self { path, described, measured, watched, looked: None }
    }

    /// Starts to read, and takes what was read; whether there is news.
    pub fn update(&mut self, context: &Context) -> bool {
        let path = self.path.clone();
        let Some(looked) = self.looked else {
            self.looked = Some(Instant::now());
            self.described.start(context, move || Contents::describe(&path));
            return true;
        };
        if self.described.poll() {
            if self.described.value().is_some() {
                self.measured.start(context, move || Contents::measure(&path));
            }
            return true;
        }
        self.watched.poll();
        if self.contents().is_some() && !self.watched.is_pending() && looked.elapsed() > LOOK_AGAIN {
            self.looked = Some(Instant::now());
            self.watched.start(context, move || Stamp::of(&path));
        }
        self.measured.poll()
    }

    /// What is known so far.
    pub fn contents(&self) -> Option<&Contents> {
        self.measured.value().or(self.described.value())
    }

    /// Whether more is being read.
    pub fn is_reading(&self) -> bool {
        self.described.is_pending() || self.measured.is_pending()
    }

    /// Why the file cannot be read.
    pub fn error(&self) -> Option<&str> {
        self.described.error().or(self.measured.error())
    }

    /// A sentence about a file that is no more what was read.
    pub fn change(&self) -> Option<String> {
        let read = self.contents()?.stamp;
        let shown = "what is shown was read before";
        match (self.watched.error(), self.watched.value()) {
            (Some(error), _) => Some(format!("{error}; {shown}")),
            (None, Some(now)) if *now != read => {
                Some(format!("{} has changed on disk; {shown}", self.path.display()))
            }
            _ => None,
        }
    }
}
