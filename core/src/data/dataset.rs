//! One split of one data set: names, labels, and where the pixels are.

use std::path::PathBuf;

use image::RgbImage;
use sha2::{Digest as _, Sha256};

use super::decode::decode;
use super::sample::{Files, Sample, Split};
use super::shapes::Shapes;
use super::{domainnet, shapes};
use crate::config::Data;
use crate::error::{Error, Result};

/// One split of one data set. A sample is known by its position from here on.
#[derive(Debug)]
pub struct Dataset {
    samples: Vec<Sample>,
    classes: usize,
    pixels: Pixels,
}

#[derive(Debug)]
enum Pixels {
    /// Files below this folder, read whenever they are asked for.
    Files(PathBuf),
    /// Drawn when the data set was opened.
    Drawn(Vec<RgbImage>),
}

impl Dataset {
    /// Opens the split that `data.name` and `data.configs` describe: reads and checks a list, or draws the images.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that is no data set, [`Error::Data`] for a missing folder, list or image, a line of the
    /// list that does not parse, a label without a class, or an empty image file; each names the file and the line.
    pub fn open(data: &Data, split: Split) -> Result<Self> {
        Self::open_with(data, split, Files::Checked)
    }

    /// Like [`Dataset::open`], but images that are missing or empty are only noticed when they are asked for.
    ///
    /// # Errors
    /// Those of [`Dataset::open`] that concern no single image.
    pub fn list(data: &Data, split: Split) -> Result<Self> {
        Self::open_with(data, split, Files::Unseen)
    }

    fn open_with(data: &Data, split: Split, files: Files) -> Result<Self> {
        match data.name.split_once('_') {
            Some(("DomainNet", domain)) => {
                let index = domainnet::open(&data.configs, domain, split, files)?;
                Ok(Self {
                    samples: index.samples,
                    classes: index.classes,
                    pixels: Pixels::Files(index.folder),
                })
            }
            Some(("Shapes", style)) => {
                let Shapes { samples, images } = shapes::draw(&data.configs, style, split)?;
                Ok(Self { samples, classes: shapes::CLASSES, pixels: Pixels::Drawn(images) })
            }
            _ => Err(Error::usage(format!(
                "data.name must be DomainNet_<domain> ({}) or Shapes_<style> ({}): {}",
                domainnet::DOMAINS.join(", "),
                shapes::styles(),
                data.name
            ))),
        }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Is there no sample?
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Number of classes, also of those without a sample.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Class of a sample, from 0.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn label(&self, sample: usize) -> usize {
        self.samples[sample].label
    }

    /// Name of a sample: its path below the data set's folder, such as `clipart/dog/pic_018.jpg`.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn id(&self, sample: usize) -> &str {
        &self.samples[sample].id
    }

    /// The file of a sample; for drawn images, its name.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn path(&self, sample: usize) -> PathBuf {
        match &self.pixels {
            Pixels::Files(folder) => folder.join(self.id(sample)),
            Pixels::Drawn(_) => PathBuf::from(self.id(sample)),
        }
    }

    /// The pixels of a sample, `[height, width, 3]`.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Io`] that names the file if it cannot be read or is no complete image.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn image(&self, sample: usize) -> Result<RgbImage> {
        match &self.pixels {
            Pixels::Files(_) => decode(&self.path(sample)),
            Pixels::Drawn(images) => Ok(images[sample].clone()),
        }
    }

    /// SHA-256 of the index (ids and labels in order; for drawn images also the version of the drawing), in hex.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        if let Pixels::Drawn(_) = self.pixels {
            hash.update(format!("Shapes version {}\n", shapes::VERSION));
        }
        for Sample { id, label } in &self.samples {
            hash.update(format!("{id} {label}\n"));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
