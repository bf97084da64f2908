//! Photographs and drawings: resize, crop, horizontal flip, normalization by channel, shuffle, as torchvision does them.

use image::RgbImage;

use super::order::{Levels, Order};
use super::rand_augment::rand_augment;
use super::random_crop::{resized_window, square_origin};
use super::resize::{center_crop, crop_at, resize_shorter_side, resized_crop};
use super::transform::{Crop, Input, Transform};
use crate::config::{Interpolation, RandAugment};
use crate::error::Result;
use crate::random::Keyed;

/// Mean and standard deviation of a data set's training images by channel, as fractions of full brightness.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Of red, green and blue.
    pub mean: [f32; 3],
    /// Of red, green and blue.
    pub deviation: [f32; 3],
}

/// How training crops at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RandomCrop {
    /// Anywhere and of any size, resized (torchvision's `RandomResizedCrop`).
    Resized,
    /// Anywhere in the image resized as for evaluation (torchvision's `RandomCrop` after `Resize`).
    Shifted,
}

/// The transform of photographs.
#[derive(Debug)]
pub struct Photograph {
    size: usize,
    pre_crop: usize,
    random: RandomCrop,
    interpolation: Interpolation,
    levels: Levels,
    order: Order,
    rand_augment: Option<RandAugment>,
    /// The mean colour.
    mean: [u8; 3],
}

impl Photograph {
    /// Training crops as `random` says; values are normalized by `statistics`, or by the settings' own.
    pub fn new(input: &Input, random: RandomCrop, statistics: Statistics) -> Self {
        let photo = &input.photo;
        let statistics = Statistics {
            mean: photo.mean.unwrap_or(statistics.mean),
            deviation: photo.std.unwrap_or(statistics.deviation),
        };
        Self {
            size: input.size,
            pre_crop: input.pre_crop,
            random,
            interpolation: photo.interpolation,
            levels: statistics.levels(),
            order: Order::new(input.shuffle.as_ref(), input.size * input.size),
            rand_augment: photo.rand_augment.clone(),
            mean: statistics.mean.map(|mean| (255.0 * mean).round_ties_even() as u8),
        }
    }

    fn values(&self) -> usize {
        3 * self.size * self.size
    }
}

impl Transform for Photograph {
    fn train_crop(&self, image: &RgbImage, draw: &mut Keyed) -> Result<Crop> {
        let mut crop = match self.random {
            RandomCrop::Resized => {
                let (origin, extent) = resized_window(image.width(), image.height(), draw);
                resized_crop(image, origin, extent, self.size, self.interpolation)?
            }
            RandomCrop::Shifted => {
                let image = resize_shorter_side(image, self.pre_crop, self.interpolation)?;
                let origin = square_origin(image.width(), image.height(), self.size, draw);
                crop_at(&image, origin, self.size)
            }
        };
        if draw.uniform() < 0.5 {
            // Horizontal flip.
            crop.chunks_exact_mut(3 * self.size).for_each(|row| row.as_chunks_mut::<3>().0.reverse());
        }
        if let Some(settings) = &self.rand_augment {
            rand_augment(&mut crop, settings, self.mean, self.interpolation, draw);
        }
        Ok(crop.into())
    }

    fn eval_crop(&self, image: &RgbImage) -> Result<Crop> {
        let image = resize_shorter_side(image, self.pre_crop, self.interpolation)?;
        Ok(center_crop(&image, self.size).into())
    }

    fn normalize(&self, _width: usize, levels: &[u8], output: &mut [f32]) {
        assert_eq!(levels.len(), self.values());
        self.order.read(levels, &self.levels, output);
    }

    fn normalize_all(&self, crops: &[Crop], output: &mut [f32]) {
        let levels: Vec<&[u8]> = crops.iter().map(|crop| crop.levels.as_slice()).collect();
        assert!(levels.iter().all(|levels| levels.len() == self.values()));
        self.order.read_all(&levels, &self.levels, output);
    }

    /// Where single values are shuffled across channels, each is undone as the channel that it is in now.
    fn level(&self, channel: usize, value: f32) -> u8 {
        let (black, white) = (self.levels[channel][0], self.levels[channel][255]);
        ((value - black) / (white - black) * 255.0).round() as u8
    }
}

impl Statistics {
    /// The normalized value of each of the 256 levels, by channel.
    fn levels(&self) -> Levels {
        std::array::from_fn(|channel| {
            std::array::from_fn(|level| (level as f32 / 255.0 - self.mean[channel]) / self.deviation[channel])
        })
    }
}
