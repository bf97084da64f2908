//! An open checkpoint: names and shapes at once, statistics of the values when they are read. The file is closed between
//! readings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use basin_core::analysis::architecture::architecture;
use basin_core::analysis::source::own_experiment;
use basin_core::checkpoint::{Inspection, Location, Reader, Selection, Statistics, TensorInfo, inspect};
use basin_core::data::Preparation;
use basin_core::error::{Error, Result};
use basin_core::model::Arch;
use egui::Context;

use crate::background::Slot;

/// Time between two checks whether a file has changed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The state of a file: its time of modification and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    modified: SystemTime,
    bytes: u64,
}

impl Stamp {
    /// The present state of a file.
    fn of(path: &Path) -> Result<Self> {
        let stamp = || {
            let metadata = path.metadata()?;
            Ok(Self { modified: metadata.modified()?, bytes: metadata.len() })
        };
        stamp().map_err(Error::io("read", path))
    }

    /// Makes sure that a file has not changed.
    pub fn check(self, path: &Path) -> Result<()> {
        match Self::of(path)? == self {
            true => Ok(()),
            false => Err(Error::data(format!("{} has changed on disk; read it again", path.display()))),
        }
    }
}

/// The contents of a checkpoint.
#[derive(Debug)]
pub struct Contents {
    /// The state of the file that they were read from.
    pub stamp: Stamp,
    /// `safetensors`, `PyTorch` or `PyTorch before 1.6`.
    pub format: &'static str,
    /// The entries that the file holds beside its tensors.
    pub metadata: BTreeMap<String, String>,
    /// How images were prepared in its training, or why that is not known; none where nothing says it.
    pub preparation: Option<String>,
    /// Its tensors.
    pub tensors: Vec<TensorInfo>,
    /// Statistics of each tensor, and of all together, once the values are read.
    pub numbers: Option<(Vec<Statistics>, Statistics)>,
    /// The architecture by the file's metadata or its run.
    pub arch: Option<Arch>,
    /// Side of the images that its run reads, pixels.
    pub image_size: Option<usize>,
}

impl Contents {
    /// Reads names, shapes and metadata.
    fn describe(path: &Path) -> Result<Self> {
        let stamp = Stamp::of(path)?;
        Ok(Self::new(path, stamp, Reader::open(path)?))
    }

    /// Reads all values.
    fn measure(path: &Path) -> Result<Self> {
        let stamp = Stamp::of(path)?;
        let Inspection { reader, tensors, total } = inspect(path, Selection::default())?;
        Ok(Self { numbers: Some((tensors, total)), ..Self::new(path, stamp, reader) })
    }

    fn new(path: &Path, stamp: Stamp, reader: Reader) -> Self {
        let Reader { format, metadata, tensors, .. } = reader;
        let location = Location::from(path);
        let shapes = tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice()));
        // Without a readable record modules are named by their tensors alone.
        let arch = architecture(&location, path, &metadata, shapes, None).ok().flatten();
        let experiment = own_experiment(&location).ok().flatten();
        let image_size = experiment.map(|experiment| experiment.data.configs.image_size);
        let preparation = match Preparation::of(&location, path) {
            Ok(known) => known
                .map(|(preparation, source)| format!("Images were prepared with {preparation} ({source}).")),
            Err(error) => Some(error.to_string()),
        };
        Self { stamp, format, metadata, preparation, tensors, numbers: None, arch, image_size }
    }
}

/// A checkpoint that is read in the background.
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

    /// Starts to read, and takes what was read; returns whether anything changed.
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

    /// The contents, with statistics once these are there.
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

    /// A message if the file has changed since it was read.
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
