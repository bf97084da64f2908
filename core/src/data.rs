//! Data sets, the preparation of their images, and the data loader that keeps a training loop supplied.
//!
//! Modules are listed in reading order. Nothing here knows networks or tensors: a batch is a plain `Vec<f32>`.

mod source;
mod split;

mod chexpert;
mod cifar10;
mod domainnet;
mod image_folder;
mod imagenet;
mod shapes;
mod table;
mod torchvision;

mod cache;
mod dataset;
mod decode;
mod index;
mod lists;
mod pixels;
mod preparation;

mod pipeline;
mod transform;

mod photograph;
pub mod xray;

mod operation;
mod order;
mod rand_augment;
mod random_crop;
mod random_erasing;
mod resample;
mod resize;
mod shuffle;

mod batch;
mod eval;
mod loader;

pub use batch::{Batch, epoch_batches, sequential_batches};
pub(crate) use chexpert::without_official_folder;
pub use dataset::Dataset;
pub use decode::decode;
pub(crate) use domainnet::{domain_names, listed_images};
pub use eval::EvalImages;
pub use index::{Files, Index, Sample};
pub(crate) use lists::{Table, with_forward_slashes};
pub use loader::Loader;
pub use photograph::{Photograph, RandomCrop, Statistics};
pub use pipeline::{Augment, Pipeline};
pub use pixels::Pixels;
pub use preparation::{Preparation, timm_architecture};
pub(crate) use resample::Mixture;
pub use resize::{center_crop, resize_shorter_side, resized_crop};
pub use shuffle::Shuffle;
pub use source::{DataSource, Download};
pub use split::{Labelling, Split};
pub use table::{check, register, source};
pub use torchvision::torchvision_architecture;
pub use transform::{Crop, Input, Transform};

/// An 8-bit image, rows from the top, `[height, width, 3]`.
pub use image::RgbImage;
