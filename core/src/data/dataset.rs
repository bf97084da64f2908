//! One split of one data set: names, labels, and where the pixels are.

use std::path::PathBuf;

use image::RgbImage;

use super::cache::Cache;
use super::cifar10::Records;
use super::decode::decode;
use super::sample::{Files, Index, Labelling, Sample, Split};
use super::shapes::Shapes;
use super::{chexpert, cifar10, domainnet, image_folder, shapes};
use crate::config::Data;
use crate::error::{Error, Result};
use crate::file::digest;

/// One split of one data set. A sample is known by its position from here on.
#[derive(Debug)]
pub struct Dataset {
    samples: Vec<Sample>,
    outputs: usize,
    labelling: Labelling,
    pixels: Pixels,
}

#[derive(Debug)]
enum Pixels {
    /// Files below this folder, read whenever they are asked for, unless the cache holds them.
    Files(PathBuf, Option<Cache>),
    /// Drawn when the data set was opened.
    Drawn(Vec<RgbImage>),
    /// CIFAR-10's.
    Records(Records),
}

impl Dataset {
    /// The splits that a data set comes in.
    pub fn splits(data: &Data) -> &'static [Split] {
        match data.name.as_str() {
            "CheXpert" => &[Split::Train, Split::Test, Split::Dev],
            _ => &[Split::Train, Split::Test],
        }
    }

    /// Opens the split that `data` describes: reads and checks a list, walks folders, or draws the images.
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
        let configs = &data.configs;
        let indexed = |index: Index, labelling: Labelling, cache: Option<Cache>| Self {
            pixels: Pixels::Files(index.folder, cache),
            samples: index.samples,
            outputs: index.outputs,
            labelling,
        };
        match (data.name.as_str(), data.name.split_once('_')) {
            ("CheXpert", _) => {
                let index = chexpert::open(data, split, files)?;
                let cache = (configs.cache_bitmap == Some(true)).then(|| Cache::new(index.samples.len()));
                Ok(indexed(index, Labelling::of(&data.name), cache))
            }
            ("CIFAR10", _) => {
                let images = cifar10::open(configs, split)?;
                Ok(Self {
                    samples: images.samples,
                    outputs: cifar10::CLASSES,
                    labelling: Labelling::Class,
                    pixels: Pixels::Records(images.records),
                })
            }
            ("ImageNet" | "ImageFolder", _) => {
                Ok(indexed(image_folder::open(configs, split, files)?, Labelling::Class, None))
            }
            (_, Some(("DomainNet", domain))) => {
                Ok(indexed(domainnet::open(configs, domain, split, files)?, Labelling::Class, None))
            }
            (_, Some(("Shapes", style))) => {
                let Shapes { samples, images } = shapes::draw(configs, style, split)?;
                Ok(Self {
                    samples,
                    outputs: shapes::CLASSES,
                    labelling: Labelling::Class,
                    pixels: Pixels::Drawn(images),
                })
            }
            _ => Err(Error::usage(format!(
                "data.name must be DomainNet_<domain> ({}), CheXpert, CIFAR10, ImageNet, ImageFolder or Shapes_<style> ({}): {}",
                domainnet::DOMAINS.join(", "),
                shapes::styles(),
                data.name
            ))),
        }
    }

    /// `count` samples, evenly spaced over the list, so that classes that follow one another are all met; all samples if
    /// there are no more.
    #[must_use]
    pub fn evenly(self, count: usize) -> Self {
        let len = self.len();
        if count >= len {
            return self;
        }
        let positions: Vec<usize> = (0..count).map(|k| k * len / count).collect();
        let samples: Vec<Sample> = positions.iter().map(|at| self.samples[*at].clone()).collect();
        let pixels = match self.pixels {
            Pixels::Files(folder, cache) => Pixels::Files(folder, cache.map(|_| Cache::new(count))),
            Pixels::Drawn(images) => Pixels::Drawn(positions.iter().map(|at| images[*at].clone()).collect()),
            Pixels::Records(records) => Pixels::Records(records.select(&positions)),
        };
        Self { samples, pixels, ..self }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Is there no sample?
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Outputs of a network for this data: classes, also those without a sample, or findings.
    pub fn outputs(&self) -> usize {
        self.outputs
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
        self.samples[sample].label
    }

    /// Name of a sample: its path below the data set's folder, such as `clipart/dog/pic_018.jpg`.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn id(&self, sample: usize) -> &str {
        &self.samples[sample].id
    }

    /// The file of a sample; its name where it has no file of its own.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn path(&self, sample: usize) -> PathBuf {
        match &self.pixels {
            Pixels::Files(folder, _) => folder.join(self.id(sample)),
            Pixels::Drawn(_) | Pixels::Records(_) => PathBuf::from(self.id(sample)),
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
            Pixels::Files(_, None) => decode(&self.path(sample)),
            Pixels::Files(_, Some(cache)) => cache.get(sample, || decode(&self.path(sample))),
            Pixels::Drawn(images) => Ok(images[sample].clone()),
            Pixels::Records(records) => Ok(records.image(sample)),
        }
    }

    /// SHA-256 of the index (ids and labels in order; for drawn images also the version of the drawing), in hex.
    pub fn digest(&self) -> String {
        let version = match self.pixels {
            Pixels::Drawn(_) => format!("Shapes version {}\n", shapes::VERSION),
            _ => String::new(),
        };
        let lines = self.samples.iter().map(|Sample { id, label }| format!("{id} {label}\n"));
        digest(version + &lines.collect::<String>())
    }
}
