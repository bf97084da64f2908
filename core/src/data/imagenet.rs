//! ImageNet (Russakovsky et al. 2015) in its folders, as torchvision's `ImageFolder` reads them.

use std::sync::Arc;

use super::image_folder;
use super::index::{Files, Index};
use super::photograph::{Photograph, RandomCrop, Statistics};
use super::source::DataSource;
use super::split::Split;
use super::transform::{Input, Transform};
use crate::config::Data;
use crate::error::Result;

impl Statistics {
    /// Of ImageNet's training images; the reference uses them for all photographs and drawings but CIFAR-10's.
    pub const IMAGENET: Self = Self { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
}

/// The data set.
pub(super) struct ImageNet;

impl DataSource for ImageNet {
    fn name(&self) -> &'static str {
        "ImageNet"
    }

    /// Not on its 1.28 million training images, as in the reference.
    fn evaluated(&self) -> &'static [Split] {
        &[]
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(Statistics::IMAGENET)
    }

    fn transform(&self, input: Input) -> Arc<dyn Transform> {
        Arc::new(Photograph::new(&input, RandomCrop::Resized, Statistics::IMAGENET))
    }

    fn needs(&self) -> Option<String> {
        Some(image_folder::LAYOUT.to_owned())
    }

    fn open(&self, data: &Data, split: Split, files: Files) -> Result<Index> {
        image_folder::open(&data.configs, split, files)
    }
}
