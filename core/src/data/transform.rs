//! What the pipelines of photographs and X-rays have in common: an 8-bit crop, then normalization.

use std::fmt::Debug;

use image::{ImageBuffer, RgbImage};

use super::shuffle::Shuffle;
use crate::config::{PhotoSettings, XraySettings};
use crate::error::Result;
use crate::random::Keyed;

/// The way of one kind of image from its decoded pixels to the network's input.
pub trait Transform: Debug + Send + Sync {
    /// The augmented crop of training; all that is random comes from `draw`.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) if the image has no pixels.
    fn train_crop(&self, image: &RgbImage, draw: &mut Keyed) -> Result<Crop>;

    /// The crop of evaluation.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) if the image has no pixels.
    fn eval_crop(&self, image: &RgbImage) -> Result<Crop>;

    /// Turns the levels of a [`Crop`] of that width into the normalized, shuffled `[3, size, size]`.
    ///
    /// # Panics
    /// If `output` or the levels do not have the length that the transform gives them.
    fn normalize(&self, width: usize, levels: &[u8], output: &mut [f32]);

    /// Turns crops into their normalized, shuffled `[crops, 3, size, size]`, as [`Transform::normalize`] does one by one.
    ///
    /// # Panics
    /// As [`Transform::normalize`].
    fn normalize_all(&self, crops: &[Crop], output: &mut [f32]) {
        let values = output.len() / crops.len().max(1);
        for (crop, output) in crops.iter().zip(output.chunks_exact_mut(values.max(1))) {
            self.normalize(crop.width, &crop.levels, output);
        }
    }

    /// The 8-bit level of a normalized value in a channel, rounded and cut off at black and full brightness.
    fn level(&self, channel: usize, value: f32) -> u8;
}

/// What a data set's transform is made from: the settings that all kinds of images have.
#[derive(Debug)]
pub struct Input {
    /// Side of the square network input, pixels.
    pub size: usize,
    /// Length of the shorter side before the crop of evaluation, pixels.
    pub pre_crop: usize,
    /// The fixed permutation, unless nothing moves.
    pub shuffle: Option<Shuffle>,
    /// How X-rays are prepared.
    pub xray: XraySettings,
    /// How photographs are prepared.
    pub photo: PhotoSettings,
}

/// An image as the 8-bit values that only arithmetic is left to do with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crop {
    /// Pixels in a row.
    pub width: usize,
    /// `[size, size, 3]`; of an X-ray its grey levels in its own size, `[height, width]`.
    pub levels: Vec<u8>,
}

impl<P: image::Pixel<Subpixel = u8>> From<ImageBuffer<P, Vec<u8>>> for Crop {
    fn from(image: ImageBuffer<P, Vec<u8>>) -> Self {
        Self { width: image.width() as usize, levels: image.into_raw() }
    }
}
