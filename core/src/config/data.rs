//! Where the samples come from and how they are prepared.

use serde::{Deserialize, Serialize};

use super::{PhotoSettings, XraySettings};
use crate::error::Result;
use crate::file::{deserialize_optional_path, deserialize_path};
use crate::setting::Section;

/// Where the samples come from and how they are prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// `DomainNet_<domain>`, `CheXpert`, `CIFAR10`, `ImageNet`, `ImageFolder` or `Shapes_<style>` (drawn by the program).
    pub name: String,
    /// Lists of CheXpert's images, instead of those that `runner prepare chexpert` makes.
    #[serde(default)]
    pub index_paths: Option<IndexPaths>,
    /// Preparation of the images.
    pub configs: DataConfigs,
}

impl Data {
    /// Settings that may change between two starts of a run: where files lie, and how fast they are read.
    pub(super) const FREE: [&str; 6] = [
        "data.configs.data_dir",
        "data.index_paths",
        "data.index_paths.train",
        "data.index_paths.dev",
        "data.index_paths.test",
        "data.configs.cache_bitmap",
    ];

    /// Checks every setting that has a range.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] naming the setting, its value and what it may be.
    pub fn check(&self) -> Result<()> {
        self.configs.check(Section("data.configs"))
    }

    /// The same images, prepared in the same way, whatever folder they lie in.
    pub fn wherever(&self) -> Self {
        let mut data = self.clone();
        data.configs.data_dir.clear();
        data
    }
}

/// CSV files below `data_dir`, or anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexPaths {
    /// Training images; `train.0-50k.csv` unless set.
    #[serde(deserialize_with = "deserialize_optional_path")]
    pub train: Option<String>,
    /// Validation images; `dev.csv` unless set.
    #[serde(deserialize_with = "deserialize_optional_path")]
    pub dev: Option<String>,
    /// Test images; `train.50k-100k.csv` unless set.
    #[serde(deserialize_with = "deserialize_optional_path")]
    pub test: Option<String>,
}

/// Preparation of the images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfigs {
    /// Folder of the data: `<data_dir>/DomainNet/...`, `<data_dir>/cifar-10-batches-bin/...`, `<data_dir>/train/<class>/...`, or
    /// CheXpert's own.
    #[serde(deserialize_with = "deserialize_path")]
    pub data_dir: String,
    /// Keep a fixed random subset of a split that is larger.
    pub subsample: Option<Subsample>,
    /// Train on the evaluation crop, without RandomResizedCrop and flip.
    pub disable_aug: bool,
    /// Side of the square network input, pixels.
    pub image_size: usize,
    /// Length of the shorter side before the evaluation crop, pixels.
    pub pre_crop_size: usize,
    /// Permute all values of the image across positions and channels.
    pub shuffle_pixel_config: Option<ShufflePixel>,
    /// Permute square blocks of the image.
    pub shuffle_block_config: Option<ShuffleBlock>,
    /// Samples that are drawn per class for training, `Shapes_*` only.
    pub train_per_class: Option<usize>,
    /// Samples that are drawn per class for testing, `Shapes_*` only.
    pub test_per_class: Option<usize>,
    /// Keep decoded CheXpert images in memory, up to 4 GiB of them for each split.
    pub cache_bitmap: Option<bool>,
    /// How CheXpert's images are prepared, where it is not as in the reference's keys.
    #[serde(default)]
    pub xray: Option<XraySettings>,
    /// How photographs are prepared, where it is not as in the data set's keys.
    #[serde(default)]
    pub photo: Option<PhotoSettings>,
}

impl DataConfigs {
    fn check(&self, section: Section) -> Result<()> {
        section.count("image_size", self.image_size)?;
        section.count("subsample.size", self.subsample.map_or(1, |subsample| subsample.size))?;
        section.count("train_per_class", self.train_per_class.unwrap_or(1))?;
        section.count("test_per_class", self.test_per_class.unwrap_or(1))?;
        let (size, pre_crop) = (self.image_size, self.pre_crop_size);
        let at_least = format!("at least data.configs.image_size, {size}");
        section.require(pre_crop >= size, "pre_crop_size", pre_crop, &at_least)?;
        self.xray.as_ref().map_or(Ok(()), |xray| xray.check(Section("data.configs.xray")))?;
        self.photo.as_ref().map_or(Ok(()), |photo| photo.check(Section("data.configs.photo")))?;
        self.shuffle_block_config.map_or(Ok(()), |shuffle| {
            let block = shuffle.block_size;
            let divides = block > 0 && size.is_multiple_of(block);
            let divisors: Vec<String> =
                (1..=size).filter(|b| size.is_multiple_of(*b)).map(|b| b.to_string()).collect();
            let range = format!("a divisor of data.configs.image_size, {size}: {}", divisors.join(", "));
            section.require(divides, "shuffle_block_config.block_size", block, &range)
        })
    }
}

/// A subset of `size` samples drawn without replacement by `RandomState(seed)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subsample {
    /// Samples to keep.
    pub size: usize,
    /// Seed of NumPy's `RandomState`.
    pub seed: u32,
}

/// Pixel shuffle: one permutation of all `3 * size * size` values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShufflePixel {
    /// Seed of NumPy's `RandomState`.
    pub seed: u32,
}

/// Block shuffle: one permutation of the blocks of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShuffleBlock {
    /// Seed of NumPy's `RandomState`.
    pub seed: u32,
    /// Side of a block, pixels; divides the image size.
    pub block_size: usize,
}
