//! Data sets, the preparation of their images, and the threads that keep a training loop supplied.
//!
//! Modules are listed in reading order. Nothing here knows networks or tensors: a batch is a plain `Vec<f32>`.

mod dataset;
mod sample;

mod cache;
mod chexpert;
mod cifar10;
mod decode;
mod domainnet;
mod image_folder;
mod shapes;

mod bilinear;
mod order;
mod resize;
mod shuffle;
mod transform;
pub mod xray;

mod batch;
mod eval;
mod loader;

pub use batch::{Batch, epoch_batches, sequential_batches};
pub(crate) use chexpert::without_official_folder;
pub use dataset::Dataset;
pub use decode::decode;
pub(crate) use domainnet::{DOMAINS, listed_images};
pub use eval::EvalImages;
pub use loader::Loader;
pub use resize::{center_crop, resize_shorter_side, resized_crop};
pub use sample::{Labelling, Split};
pub use shuffle::Shuffle;
pub use transform::{Augment, Crop, Pipeline};

/// An 8-bit image, rows from the top, `[height, width, 3]`.
pub use image::RgbImage;
