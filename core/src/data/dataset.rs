//! One split of one data set: names, labels and pixels of its samples.

use std::collections::HashSet;
use std::path::PathBuf;

use image::RgbImage;
use rayon::prelude::*;

use super::index::{Files, Index, Sample};
use super::split::{Labelling, Split};
use super::table::source;
use crate::config::Data;
use crate::error::Result;
use crate::file::{digest, file_digest};

/// One split of one data set. A sample is known by its position from here on.
#[derive(Debug)]
pub struct Dataset {
    index: Index,
    labelling: Labelling,
}

impl Dataset {
    /// Opens the split that `data` describes: reads and checks a list, walks folders, or draws the images.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::error::Error::Usage) for a name that is no data set, [`Error::Data`](crate::error::Error::Data) for
    /// a missing folder, list or image, a line of the list that does not parse, a label without a class, or an empty image file;
    /// each names the file and the line.
    pub fn open(data: &Data, split: Split) -> Result<Self> {
        Self::open_with(data, split, Files::Checked)
    }

    /// Like [`Dataset::open`], but images that are missing or empty are only noticed when they are asked for.
    ///
    /// # Errors
    /// Those of [`Dataset::open`] that concern no single image.
    pub fn list(data: &Data, split: Split) -> Result<Self> {
        Self::open_with(data, split, Files::Unchecked)
    }

    fn open_with(data: &Data, split: Split, files: Files) -> Result<Self> {
        let source = source(&data.name)?;
        Ok(Self { index: source.open(data, split, files)?, labelling: source.labelling() })
    }

    /// `count` samples, evenly spaced over the list, so that classes that follow one another are all met; all samples if
    /// there are no more.
    #[must_use]
    pub fn evenly(self, count: usize) -> Self {
        let len = self.len();
        if count >= len {
            return self;
        }
        self.select(&(0..count).map(|k| k * len / count).collect::<Vec<usize>>())
    }

    /// About as large a part of each class as [`Self::evenly`] takes of a list on which classes follow one another, in whatever order
    /// the list has them.
    #[must_use]
    pub fn evenly_by_class(self, count: usize) -> Self {
        let len = self.len();
        if count >= len {
            return self;
        }
        let mut by_class: Vec<usize> = (0..len).collect();
        by_class.sort_by_key(|sample| self.label(*sample));
        let mut positions: Vec<usize> = (0..count).map(|k| by_class[k * len / count]).collect();
        positions.sort_unstable();
        self.select(&positions)
    }

    fn select(self, positions: &[usize]) -> Self {
        let Index { samples, outputs, pixels } = self.index;
        let samples = positions.iter().map(|at| samples[*at].clone()).collect();
        Self { index: Index { samples, outputs, pixels: pixels.select(positions) }, ..self }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.index.samples.len()
    }

    /// Is there no sample?
    pub fn is_empty(&self) -> bool {
        self.index.samples.is_empty()
    }

    /// Whether an epoch visits some image more than once.
    pub fn repeats_images(&self) -> bool {
        let mut ids = HashSet::new();
        !self.index.samples.iter().all(|sample| ids.insert(sample.id.as_str()))
    }

    /// Outputs of a network for this data: classes, also those without a sample, or findings.
    pub fn outputs(&self) -> usize {
        self.index.outputs
    }

    /// What labels say.
    pub fn labelling(&self) -> Labelling {
        self.labelling
    }

    /// Label of a sample: its class from 0, or a bit for each finding.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn label(&self, sample: usize) -> usize {
        self.index.samples[sample].label
    }

    /// Name of a sample: its path below the data set's folder, such as `clipart/dog/pic_018.jpg`.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn id(&self, sample: usize) -> &str {
        &self.index.samples[sample].id
    }

    /// The file of a sample; its name where it has no file of its own.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn path(&self, sample: usize) -> PathBuf {
        self.index.pixels.path(self.id(sample))
    }

    /// The pixels of a sample, `[height, width, 3]`.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) or [`Error::Io`](crate::error::Error::Io) that names the file if it cannot be
    /// read or is no complete image.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn image(&self, sample: usize) -> Result<RgbImage> {
        self.index.pixels.image(sample, self.id(sample))
    }

    /// SHA-256 of the index and of what the images' files hold, in hex: of each its size, and of up to 64, evenly spaced, every byte.
    /// That of the index where no image has a file of its own.
    pub fn content_digest(&self) -> String {
        /// Files that are read whole.
        const READ: usize = 64;
        let every = self.len().div_ceil(READ).max(1);
        let content = |sample: usize| {
            let path = self.path(sample);
            let bytes = path.metadata().map_or(0, |file| file.len());
            let whole = sample.is_multiple_of(every).then(|| file_digest(&path).ok()).flatten();
            (bytes, whole.unwrap_or_default())
        };
        let contents: Vec<(u64, String)> = (0..self.len()).into_par_iter().map(content).collect();
        if contents.iter().all(|(bytes, _)| *bytes == 0) {
            return self.digest();
        }
        let lines = contents.iter().map(|(bytes, whole)| format!("{bytes} {whole}\n"));
        digest(self.digest() + &lines.collect::<String>())
    }

    /// SHA-256 of the index (ids and labels in order; for drawn images also the version of the drawing), in hex.
    pub fn digest(&self) -> String {
        let version = match self.index.pixels.version() {
            "" => String::new(),
            version => format!("{version}\n"),
        };
        let lines = self.index.samples.iter().map(|Sample { id, label }| format!("{id} {label}\n"));
        digest(version + &lines.collect::<String>())
    }
}
