//! Where the pixels of a split's samples are: in files, or in memory.

use std::path::{Path, PathBuf};

use image::RgbImage;

use super::cache::Cache;
use super::decode::decode;
use crate::error::Result;

/// The pixels of a split's samples, by position.
#[derive(Debug)]
pub struct Pixels(Storage);

#[derive(Debug)]
enum Storage {
    /// Files below this folder, decoded whenever they are asked for, unless the cache holds them.
    Files(PathBuf, Option<Cache>),
    /// Decoded images, and the version of the program that drew them.
    Memory(Vec<RgbImage>, String),
}

impl Pixels {
    /// Image files: the id of each sample is its path below this folder.
    pub fn files(folder: PathBuf) -> Self {
        Self(Storage::Files(folder, None))
    }

    /// Image files of that many samples, grey ones of which stay in memory once they are decoded.
    pub(super) fn cached_files(folder: PathBuf, samples: usize) -> Self {
        Self(Storage::Files(folder, Some(Cache::new(samples))))
    }

    /// An image for each sample.
    pub fn images(images: Vec<RgbImage>) -> Self {
        Self(Storage::Memory(images, String::new()))
    }

    /// An image for each sample, drawn by a program: another `version` is another data set, even with the same ids and labels.
    pub fn drawn(images: Vec<RgbImage>, version: impl Into<String>) -> Self {
        Self(Storage::Memory(images, version.into()))
    }

    /// Those at some positions.
    pub(super) fn select(self, positions: &[usize]) -> Self {
        Self(match self.0 {
            Storage::Files(folder, cache) => {
                Storage::Files(folder, cache.map(|_| Cache::new(positions.len())))
            }
            Storage::Memory(images, version) => {
                Storage::Memory(positions.iter().map(|at| images[*at].clone()).collect(), version)
            }
        })
    }

    /// The version of what drew them; empty where nothing did.
    pub(super) fn version(&self) -> &str {
        match &self.0 {
            Storage::Files(..) => "",
            Storage::Memory(_, version) => version,
        }
    }

    /// The file of the sample with that id; the id itself where samples have no files.
    pub(super) fn path(&self, id: &str) -> PathBuf {
        match &self.0 {
            Storage::Files(folder, _) => folder.join(id),
            Storage::Memory(..) => Path::new(id).to_owned(),
        }
    }

    /// The image of the sample at a position, whose id is `id`.
    pub(super) fn image(&self, position: usize, id: &str) -> Result<RgbImage> {
        match &self.0 {
            Storage::Files(folder, None) => decode(&folder.join(id)),
            Storage::Files(folder, Some(cache)) => cache.get(position, || decode(&folder.join(id))),
            Storage::Memory(images, _) => Ok(images[position].clone()),
        }
    }
}
