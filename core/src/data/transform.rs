//! From an RGB image to the network's input: crop, flip, normalise, shuffle.

use image::RgbImage;

use super::resize::{center_crop, resize_shorter_side, resized_crop};
use super::shuffle::Shuffle;
use crate::config::DataConfigs;
use crate::error::{Error, Result};
use crate::random::{Keyed, Purpose};

/// Mean of ImageNet's training images by channel, as a fraction of full brightness; the reference uses it for all data.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of ImageNet's training images by channel, as a fraction of full brightness.
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];
/// Area of a random crop as a fraction of the image, smallest and largest (torchvision's default).
const AREA: (f64, f64) = (0.08, 1.0);
/// Width over height of a random crop, smallest and largest (torchvision's default).
const ASPECT: (f64, f64) = (3.0 / 4.0, 4.0 / 3.0);
/// Draws of a random crop before the middle of the image is taken instead (torchvision).
const CROP_TRIES: usize = 10;

/// What is done to an image before it is normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Augment {
    /// A random crop and flip, unless the settings disable them.
    Train {
        /// `seed.order` of the run.
        seed: u64,
    },
    /// Resize and the crop in the middle.
    Eval,
}

/// The preparation of one run's images, the same for every sample but for the random crop and flip.
#[derive(Debug, Clone)]
pub struct Pipeline {
    size: usize,
    pre_crop: usize,
    augment: Augment,
    /// Where each value of a shuffled output comes from; `None` if nothing moves.
    sources: Option<Vec<Source>>,
    /// Normalised value of each of the 256 levels, by channel.
    levels: [[f32; 256]; 3],
}

/// A byte of a crop `[size, size, 3]`: four times its place, plus its channel.
///
/// One number, since a shuffle reads as many of them as the image has values.
#[derive(Debug, Clone, Copy)]
struct Source(u32);

impl Source {
    /// From an index into the flattened `[3, area]`.
    fn new(index: usize, area: usize) -> Self {
        let (channel, pixel) = (index / area, index % area);
        Self(((pixel * 3 + channel) << 2 | channel) as u32)
    }

    fn channel(self) -> usize {
        (self.0 & 3) as usize
    }

    fn place(self) -> usize {
        (self.0 >> 2) as usize
    }
}

impl Pipeline {
    /// Fixes sizes, permutation and seed.
    ///
    /// # Errors
    /// [`Error::Usage`] if a size is zero, blocks do not divide the image, or both shuffles are asked for.
    pub fn new(configs: &DataConfigs, augment: Augment) -> Result<Self> {
        let size = configs.image_size;
        for (name, value) in [("image_size", size), ("pre_crop_size", configs.pre_crop_size)] {
            // Larger than any sensible input; a `Source` fits in 32 bits up to it.
            if !(1..=16_384).contains(&value) {
                return Err(Error::usage(format!(
                    "data.configs.{name} must be from 1 to 16384 pixels: {value}"
                )));
            }
        }
        let shuffle = match (configs.shuffle_block_config, configs.shuffle_pixel_config) {
            (Some(_), Some(_)) => {
                return Err(Error::usage(
                    "set only one of data.configs.shuffle_block_config and data.configs.shuffle_pixel_config",
                ));
            }
            (Some(blocks), None) => Some(Shuffle::blocks(size, blocks.block_size, blocks.seed)?),
            (None, Some(pixels)) => Some(Shuffle::pixels(size, pixels.seed)),
            (None, None) => None,
        };
        Ok(Self {
            size,
            pre_crop: configs.pre_crop_size,
            augment: if configs.disable_aug { Augment::Eval } else { augment },
            sources: shuffle.filter(|shuffle| !shuffle.is_identity()).map(|shuffle| {
                shuffle.sources().iter().map(|&source| Source::new(source as usize, size * size)).collect()
            }),
            levels: levels(),
        })
    }

    /// Side of the square network input, pixels.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Values of one prepared image, `3 * size * size`.
    pub fn values(&self) -> usize {
        3 * self.size * self.size
    }

    /// The 8-bit crop `[size, size, 3]`; a random one depends on nothing but (seed, epoch, sample) and the image's size.
    ///
    /// # Errors
    /// [`Error::Data`] if the image has no pixels.
    pub fn crop(&self, image: &RgbImage, epoch: u64, sample: usize) -> Result<RgbImage> {
        match self.augment {
            Augment::Train { seed } => {
                self.random_crop(image, &mut Keyed::new(seed, Purpose::Augment, epoch, sample as u64))
            }
            Augment::Eval => self.eval_crop(image),
        }
    }

    /// The crop of evaluation, whatever the pipeline augments: Resize to `pre_crop_size`, then CenterCrop.
    ///
    /// # Errors
    /// [`Error::Data`] if the image has no pixels.
    pub fn eval_crop(&self, image: &RgbImage) -> Result<RgbImage> {
        Ok(center_crop(&resize_shorter_side(image, self.pre_crop)?, self.size))
    }

    /// Turns a crop `[size, size, 3]` into the normalised, shuffled `[3, size, size]`.
    ///
    /// # Panics
    /// If `crop` or `output` does not have `3 * size * size` values.
    pub fn normalize(&self, crop: &[u8], output: &mut [f32]) {
        assert_eq!((crop.len(), output.len()), (self.values(), self.values()));
        let Some(sources) = &self.sources else { return self.normalize_in_order(crop, output) };
        for (value, source) in output.iter_mut().zip(sources) {
            *value = self.levels[source.channel()][usize::from(crop[source.place()])];
        }
    }

    /// Crops, then normalises and shuffles into `output`, `[3, size, size]`.
    ///
    /// # Errors
    /// [`Error::Data`] if the image has no pixels.
    ///
    /// # Panics
    /// If `output` does not have `3 * size * size` values.
    pub fn apply(&self, image: &RgbImage, epoch: u64, sample: usize, output: &mut [f32]) -> Result<()> {
        self.normalize(&self.crop(image, epoch, sample)?, output);
        Ok(())
    }

    fn normalize_in_order(&self, crop: &[u8], output: &mut [f32]) {
        let area = self.size * self.size;
        let (red, rest) = output.split_at_mut(area);
        let (green, blue) = rest.split_at_mut(area);
        let planes = red.iter_mut().zip(green).zip(blue);
        for (pixel, ((red, green), blue)) in crop.as_chunks::<3>().0.iter().zip(planes) {
            *red = self.levels[0][usize::from(pixel[0])];
            *green = self.levels[1][usize::from(pixel[1])];
            *blue = self.levels[2][usize::from(pixel[2])];
        }
    }

    fn random_crop(&self, image: &RgbImage, draw: &mut Keyed) -> Result<RgbImage> {
        let (origin, extent) = random_window(image.width(), image.height(), draw);
        let mut out = resized_crop(image, origin, extent, self.size)?;
        if draw.uniform() < 0.5 {
            let stride = 3 * self.size;
            out.chunks_exact_mut(stride).for_each(|row| row.as_chunks_mut::<3>().0.reverse());
        }
        Ok(out)
    }
}

/// Where torchvision's `RandomResizedCrop` cuts: ((top, left), (height, width)).
fn random_window(width: u32, height: u32, draw: &mut Keyed) -> ((i64, i64), (u32, u32)) {
    let area = f64::from(width) * f64::from(height);
    for _ in 0..CROP_TRIES {
        let target = area * draw.range(AREA.0, AREA.1);
        let aspect = draw.range(ASPECT.0.ln(), ASPECT.1.ln()).exp();
        let crop_width = (target * aspect).sqrt().round_ties_even() as u32;
        let crop_height = (target / aspect).sqrt().round_ties_even() as u32;
        if (1..=width).contains(&crop_width) && (1..=height).contains(&crop_height) {
            let top = draw.below((height - crop_height + 1) as usize);
            let left = draw.below((width - crop_width + 1) as usize);
            return ((top as i64, left as i64), (crop_height, crop_width));
        }
    }
    let (crop_width, crop_height) = middle(width, height);
    let offset = |size: u32, crop: u32| i64::from((size - crop) / 2);
    ((offset(height, crop_height), offset(width, crop_width)), (crop_height, crop_width))
}

/// Width and height of the largest window in the middle whose aspect is allowed.
fn middle(width: u32, height: u32) -> (u32, u32) {
    let (wide, high) = (f64::from(width), f64::from(height));
    let aspect = wide / high;
    if aspect < ASPECT.0 {
        (width, ((wide / ASPECT.0).round_ties_even() as u32).min(height))
    } else if aspect > ASPECT.1 {
        (((high * ASPECT.1).round_ties_even() as u32).min(width), height)
    } else {
        (width, height)
    }
}

fn levels() -> [[f32; 256]; 3] {
    std::array::from_fn(|channel| {
        std::array::from_fn(|level| (level as f32 / 255.0 - MEAN[channel]) / DEVIATION[channel])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ShuffleBlock, ShufflePixel};

    #[test]
    fn random_windows_stay_inside_and_vary() {
        let window = |sample| random_window(60, 40, &mut Keyed::new(7, Purpose::Augment, 3, sample));
        let mut distinct = std::collections::HashSet::new();
        for sample in 0..500 {
            let ((top, left), (height, width)) = window(sample);
            assert!(top >= 0 && left >= 0 && top as u32 + height <= 40 && left as u32 + width <= 60);
            assert!(f64::from(width * height) >= 0.07 * 60.0 * 40.0);
            distinct.insert(window(sample));
        }
        assert!(distinct.len() > 400);
    }

    #[test]
    fn a_shuffled_crop_is_the_shuffled_plain_one() {
        let mut configs = DataConfigs {
            data_dir: String::new(),
            subsample: None,
            disable_aug: false,
            image_size: 12,
            pre_crop_size: 12,
            shuffle_pixel_config: None,
            shuffle_block_config: None,
            train_per_class: None,
            test_per_class: None,
            cache_bitmap: None,
        };
        let crop: Vec<u8> = (0..3 * 12 * 12).map(|at| (at * 7 % 256) as u8).collect();
        let normalized = |configs: &DataConfigs| {
            let mut output = vec![0.0; crop.len()];
            Pipeline::new(configs, Augment::Eval).unwrap().normalize(&crop, &mut output);
            output
        };
        let plain = normalized(&configs);
        let check = |shuffle: Shuffle, output: Vec<f32>| {
            let mut expected = vec![0.0; crop.len()];
            shuffle.apply(&plain, &mut expected);
            assert_eq!(output, expected);
        };
        configs.shuffle_block_config = Some(ShuffleBlock { seed: 1235, block_size: 4 });
        check(Shuffle::blocks(12, 4, 1235).unwrap(), normalized(&configs));
        configs.shuffle_block_config = None;
        configs.shuffle_pixel_config = Some(ShufflePixel { seed: 1236 });
        check(Shuffle::pixels(12, 1236), normalized(&configs));
    }

    #[test]
    fn extreme_images_fall_back_to_the_middle() {
        assert_eq!(middle(300, 3), (4, 3));
        assert_eq!(middle(3, 300), (3, 4));
        assert_eq!(middle(30, 30), (30, 30));
        // No drawn window fits in an image two pixels high and very wide, whatever the seed.
        let draw = &mut Keyed::new(0, Purpose::Augment, 0, 0);
        assert_eq!(random_window(4000, 2, draw), ((0, 1998), (2, 3)));
    }
}
