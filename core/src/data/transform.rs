//! From an RGB image to the network's input: crop, flip, normalise, shuffle.

use image::{ImageBuffer, RgbImage};

use super::order::{Levels, Order};
use super::resize::{center_crop, crop_at, resize_shorter_side, resized_crop};
use super::shuffle::Shuffle;
use super::xray::{self, Affine};
use crate::config::Data;
use crate::error::{Error, Result};
use crate::random::{Keyed, Purpose};

/// Mean and standard deviation of training images by channel, as fractions of full brightness.
struct Statistics {
    mean: [f32; 3],
    deviation: [f32; 3],
}

/// Of ImageNet; the reference uses them for all photographs and drawings but CIFAR-10's.
const IMAGENET: Statistics = Statistics { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
/// Of CIFAR-10.
const CIFAR10: Statistics =
    Statistics { mean: [0.4914, 0.4822, 0.4465], deviation: [0.2470, 0.2435, 0.2616] };
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

/// An image as the 8-bit values that only arithmetic is left to do with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crop {
    /// Pixels in a row.
    pub width: usize,
    /// `[size, size, 3]`; of an X-ray its grey levels in its own size, `[height, width]`.
    pub levels: Vec<u8>,
}

/// The preparation of one run's images, the same for every sample but for what is random.
#[derive(Debug, Clone)]
pub struct Pipeline {
    size: usize,
    augment: Augment,
    chain: Chain,
}

/// How images are prepared.
#[derive(Debug, Clone)]
enum Chain {
    /// Crop, flip and normalise.
    Photo { pre_crop: usize, random: RandomCrop, levels: Box<Levels>, order: Order },
    /// CheXpert's.
    Xray { shuffle: Option<Shuffle> },
}

/// Where the random crop of training lies.
#[derive(Debug, Clone, Copy)]
enum RandomCrop {
    /// Anywhere and of any size, resized (torchvision's `RandomResizedCrop`).
    Resized,
    /// Anywhere in the image resized as for evaluation (torchvision's `RandomCrop` after `Resize`).
    Shifted,
}

impl Pipeline {
    /// Fixes sizes, permutation and seed.
    ///
    /// # Errors
    /// [`Error::Usage`] if a size is zero, blocks do not divide the image, or both shuffles are asked for.
    pub fn new(data: &Data, augment: Augment) -> Result<Self> {
        let configs = &data.configs;
        let size = configs.image_size;
        for (name, value) in [("image_size", size), ("pre_crop_size", configs.pre_crop_size)] {
            // Larger than any sensible input; indices of all values fit in 32 bits up to it.
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
        let shuffle = shuffle.filter(|shuffle| !shuffle.is_identity());
        let photo = |random: RandomCrop, statistics: &Statistics| Chain::Photo {
            pre_crop: configs.pre_crop_size,
            random,
            levels: Box::new(statistics.levels()),
            order: Order::new(shuffle.as_ref(), size * size),
        };
        Ok(Self {
            size,
            augment: if configs.disable_aug { Augment::Eval } else { augment },
            chain: match data.name.as_str() {
                "CheXpert" => Chain::Xray { shuffle },
                "CIFAR10" => photo(RandomCrop::Shifted, &CIFAR10),
                _ => photo(RandomCrop::Resized, &IMAGENET),
            },
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

    /// The 8-bit crop; a random one depends on nothing but (seed, epoch, sample) and the image's size.
    ///
    /// # Errors
    /// [`Error::Data`] if the image has no pixels.
    pub fn crop(&self, image: &RgbImage, epoch: u64, sample: usize) -> Result<Crop> {
        let Augment::Train { seed } = self.augment else { return self.eval_crop(image) };
        let draw = &mut Keyed::new(seed, Purpose::Augment, epoch, sample as u64);
        match self.chain {
            Chain::Photo { pre_crop, random, .. } => {
                let mut crop = match random {
                    RandomCrop::Resized => {
                        let (origin, extent) = random_window(image.width(), image.height(), draw);
                        resized_crop(image, origin, extent, self.size)?
                    }
                    RandomCrop::Shifted => {
                        let image = resize_shorter_side(image, pre_crop)?;
                        let mut shift =
                            |length: u32| draw.below((length as usize).saturating_sub(self.size) + 1) as i64;
                        let origin = (shift(image.height()), shift(image.width()));
                        crop_at(&image, origin, self.size)
                    }
                };
                if draw.uniform() < 0.5 {
                    crop.chunks_exact_mut(3 * self.size).for_each(|row| row.as_chunks_mut::<3>().0.reverse());
                }
                Ok(crop.into())
            }
            Chain::Xray { .. } => {
                let affine = Affine::random(image.width(), image.height(), draw);
                Ok(xray::equalize(affine.apply(&xray::gray(image))).into())
            }
        }
    }

    /// The crop of evaluation, whatever the pipeline augments: Resize to `pre_crop_size`, then CenterCrop; all of an X-ray.
    ///
    /// # Errors
    /// [`Error::Data`] if the image has no pixels.
    pub fn eval_crop(&self, image: &RgbImage) -> Result<Crop> {
        Ok(match self.chain {
            Chain::Photo { pre_crop, .. } => {
                center_crop(&resize_shorter_side(image, pre_crop)?, self.size).into()
            }
            Chain::Xray { .. } => xray::equalize(xray::gray(image)).into(),
        })
    }

    /// Turns the levels of a [`Crop`] of that width into the normalised, shuffled `[3, size, size]`.
    ///
    /// # Panics
    /// If `output` does not have `3 * size * size` values, or a photograph's levels are not as many.
    pub fn normalize(&self, width: usize, levels: &[u8], output: &mut [f32]) {
        assert_eq!(output.len(), self.values());
        match &self.chain {
            Chain::Photo { levels: values, order, .. } => {
                assert_eq!(levels.len(), self.values());
                order.read(levels, values, output);
            }
            Chain::Xray { shuffle } => {
                let (first, others) = output.split_at_mut(self.size * self.size);
                xray::input(width, levels, self.size, first);
                others.chunks_exact_mut(first.len()).for_each(|channel| channel.copy_from_slice(first));
                if let Some(shuffle) = shuffle {
                    let ordered = output.to_vec();
                    shuffle.apply(&ordered, output);
                }
            }
        }
    }

    /// Turns crops into their normalised, shuffled `[crops, 3, size, size]`, as [`Pipeline::normalize`] does one by one.
    ///
    /// # Panics
    /// If `output` does not have `3 * size * size` values for each crop, or a photograph's levels are not as many.
    pub fn normalize_all(&self, crops: &[Crop], output: &mut [f32]) {
        assert_eq!(output.len(), crops.len() * self.values());
        match &self.chain {
            Chain::Photo { levels: values, order, .. } => {
                let levels: Vec<&[u8]> = crops.iter().map(|crop| crop.levels.as_slice()).collect();
                assert!(levels.iter().all(|levels| levels.len() == self.values()));
                order.read_all(&levels, values, output);
            }
            Chain::Xray { .. } => {
                for (crop, output) in crops.iter().zip(output.chunks_exact_mut(self.values())) {
                    self.normalize(crop.width, &crop.levels, output);
                }
            }
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
        let crop = self.crop(image, epoch, sample)?;
        self.normalize(crop.width, &crop.levels, output);
        Ok(())
    }

    /// An image to look at, of the values `[3, size, size]` that a network is given: the normalisation of each channel undone,
    /// rounded, and cut off at black and full brightness. Where single values are shuffled across channels, each is undone as the
    /// channel that it is in now.
    ///
    /// # Panics
    /// If there are not `3 * size * size` values.
    pub fn pixels(&self, values: &[f32]) -> RgbImage {
        assert_eq!(values.len(), self.values());
        let level = |channel: usize, value: f32| match &self.chain {
            Chain::Photo { levels, .. } => {
                let (black, white) = (levels[channel][0], levels[channel][255]);
                ((value - black) / (white - black) * 255.0).round() as u8
            }
            Chain::Xray { .. } => xray::level(value),
        };
        let side = self.size as u32;
        RgbImage::from_fn(side, side, |x, y| {
            let at = (y * side + x) as usize;
            image::Rgb([0, 1, 2].map(|channel| level(channel, values[channel * self.size * self.size + at])))
        })
    }
}

impl<P: image::Pixel<Subpixel = u8>> From<ImageBuffer<P, Vec<u8>>> for Crop {
    fn from(image: ImageBuffer<P, Vec<u8>>) -> Self {
        Self { width: image.width() as usize, levels: image.into_raw() }
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

impl Statistics {
    fn levels(&self) -> Levels {
        std::array::from_fn(|channel| {
            std::array::from_fn(|level| (level as f32 / 255.0 - self.mean[channel]) / self.deviation[channel])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Registry, ShuffleBlock, ShufflePixel};

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
        // More values than are moved at a time, and a length that no vector divides.
        const SIZE: usize = 60;
        for name in ["Shapes_line", "CheXpert"] {
            let registry = Registry::load().unwrap();
            let mut data = registry.get("demo/Shapes_line/fixup_resnet18/scratch").unwrap().data;
            data.name = name.to_owned();
            (data.configs.image_size, data.configs.pre_crop_size) = (SIZE, SIZE);
            let crop: Vec<u8> = (0..3 * SIZE * SIZE).map(|at| (at * 7 % 256) as u8).collect();
            let normalized = |data: &Data| {
                let pipeline = Pipeline::new(data, Augment::Eval).unwrap();
                let mut output = vec![0.0; crop.len()];
                pipeline.normalize(SIZE, &crop, &mut output);
                // Eleven different crops at once are what each is by itself.
                let shifted = |by: u8| crop.iter().map(|level| level.wrapping_add(by)).collect();
                let crops: Vec<Crop> = (0..11).map(|by| Crop { width: SIZE, levels: shifted(by) }).collect();
                let mut all = vec![0.0; 11 * crop.len()];
                pipeline.normalize_all(&crops, &mut all);
                assert_eq!(all[..crop.len()], output, "{name}");
                for (crop, from_all) in crops.iter().zip(all.chunks_exact(output.len())) {
                    let mut alone = vec![0.0; output.len()];
                    pipeline.normalize(SIZE, &crop.levels, &mut alone);
                    assert_eq!(from_all, alone, "{name}");
                }
                output
            };
            let plain = normalized(&data);
            let check = |shuffle: Shuffle, output: Vec<f32>| {
                let mut expected = vec![0.0; crop.len()];
                shuffle.apply(&plain, &mut expected);
                assert_eq!(output, expected, "{name}");
            };
            for block_size in [1, 4] {
                data.configs.shuffle_block_config = Some(ShuffleBlock { seed: 1235, block_size });
                check(Shuffle::blocks(SIZE, block_size, 1235).unwrap(), normalized(&data));
            }
            data.configs.shuffle_block_config = None;
            data.configs.shuffle_pixel_config = Some(ShufflePixel { seed: 1236 });
            check(Shuffle::pixels(SIZE, 1236), normalized(&data));
        }
    }

    #[test]
    fn pixels_undo_the_normalisation() {
        let registry = Registry::load().unwrap();
        for name in ["Shapes_line", "CIFAR10", "CheXpert"] {
            let mut data = registry.get("demo/Shapes_line/fixup_resnet18/scratch").unwrap().data;
            data.name = name.to_owned();
            (data.configs.image_size, data.configs.pre_crop_size) = (16, 16);
            let pipeline = Pipeline::new(&data, Augment::Eval).unwrap();
            // Every level in each channel.
            let image = RgbImage::from_fn(16, 16, |x, y| {
                let level = (16 * y + x) as u8;
                image::Rgb([level, level.wrapping_mul(3), 255 - level])
            });
            let mut values = vec![0.0; pipeline.values()];
            pipeline.apply(&image, 1, 0, &mut values).unwrap();
            let pixels = pipeline.pixels(&values);
            match name {
                "CheXpert" => {
                    let level = |value: &f32| (value * 64.0 + 128.0).round() as u8;
                    let grey: Vec<u8> = values[..256].iter().flat_map(|value| [level(value); 3]).collect();
                    assert_eq!(pixels.into_raw(), grey);
                }
                _ => assert_eq!(pixels, image, "{name}"),
            }
        }
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
