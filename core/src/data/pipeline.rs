//! The preparation of a run's images, from decoded pixels to the network's input: augmentation, normalization, shuffle.

use std::sync::Arc;

use image::RgbImage;

use super::random_erasing::RandomErasing;
use super::shuffle::Shuffle;
use super::table::source;
use super::transform::{Crop, Input, Transform};
use crate::config::{Data, DataConfigs};
use crate::error::{Error, Result};
use crate::random::{Keyed, Purpose};

/// Whether images are augmented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Augment {
    /// The random crop, flip or turn of training, unless the settings disable them.
    Train {
        /// `seed.order` of the run.
        seed: u64,
    },
    /// The same crop each time.
    Eval,
}

/// The preparation of one run's images, the same for every sample but for what is random.
#[derive(Debug, Clone)]
pub struct Pipeline {
    size: usize,
    augment: Augment,
    transform: Arc<dyn Transform>,
    erasing: RandomErasing,
}

impl Pipeline {
    /// The transform of the data set that `data` names, with its sizes, permutation and seed.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that is no data set, a size that is zero, blocks that do not divide the image, or both shuffles.
    pub fn new(data: &Data, augment: Augment) -> Result<Self> {
        let configs = &data.configs;
        let (size, pre_crop) = (configs.image_size, configs.pre_crop_size);
        for (name, value) in [("image_size", size), ("pre_crop_size", pre_crop)] {
            // Larger than any sensible input; indices of all values fit in 32 bits up to it.
            if !(1..=16_384).contains(&value) {
                return Err(Error::usage(format!(
                    "data.configs.{name} must be from 1 to 16384 pixels: {value}"
                )));
            }
        }
        let shuffle = shuffle(configs)?.filter(|shuffle| !shuffle.is_identity());
        let (xray, photo) =
            (configs.xray.clone().unwrap_or_default(), configs.photo.clone().unwrap_or_default());
        let erasing = RandomErasing { probability: photo.random_erasing, mode: photo.random_erasing_mode };
        let input = Input { size, pre_crop, shuffle, xray, photo };
        Ok(Self {
            size,
            augment: if configs.disable_aug { Augment::Eval } else { augment },
            transform: source(&data.name)?.transform(input),
            erasing,
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
        match self.augment {
            Augment::Train { seed } => {
                let draw = &mut Keyed::new(seed, Purpose::Augment, epoch, sample as u64);
                self.transform.train_crop(image, draw)
            }
            Augment::Eval => self.transform.eval_crop(image),
        }
    }

    /// The crop of evaluation, whatever the pipeline augments: Resize to `pre_crop_size`, then CenterCrop; all of an X-ray.
    ///
    /// # Errors
    /// [`Error::Data`] if the image has no pixels.
    pub fn eval_crop(&self, image: &RgbImage) -> Result<Crop> {
        self.transform.eval_crop(image)
    }

    /// Turns the levels of a [`Crop`] of that width into the normalized, shuffled `[3, size, size]`.
    ///
    /// # Panics
    /// If `output` does not have `3 * size * size` values, or a photograph's levels are not as many.
    pub fn normalize(&self, width: usize, levels: &[u8], output: &mut [f32]) {
        assert_eq!(output.len(), self.values());
        self.transform.normalize(width, levels, output);
    }

    /// Turns crops into their normalized, shuffled `[crops, 3, size, size]`, as [`Pipeline::normalize`] does one by one.
    ///
    /// # Panics
    /// If `output` does not have `3 * size * size` values for each crop, or a photograph's levels are not as many.
    pub fn normalize_all(&self, crops: &[Crop], output: &mut [f32]) {
        assert_eq!(output.len(), crops.len() * self.values());
        self.transform.normalize_all(crops, output);
    }

    /// Erases at random in a normalized, shuffled training image, `[3, size, size]`, if the settings ask for it.
    pub fn erase(&self, epoch: u64, sample: usize, values: &mut [f32]) {
        if let (Augment::Train { seed }, true) = (self.augment, self.erasing.probability > 0.0) {
            let draw = &mut Keyed::new(seed, Purpose::Erase, epoch, sample as u64);
            self.erasing.erase(values, self.size, draw);
        }
    }

    /// Crops, then normalizes, shuffles and erases into `output`, `[3, size, size]`.
    ///
    /// # Errors
    /// [`Error::Data`] if the image has no pixels.
    ///
    /// # Panics
    /// If `output` does not have `3 * size * size` values.
    pub fn apply(&self, image: &RgbImage, epoch: u64, sample: usize, output: &mut [f32]) -> Result<()> {
        let crop = self.crop(image, epoch, sample)?;
        self.normalize(crop.width, &crop.levels, output);
        self.erase(epoch, sample, output);
        Ok(())
    }

    /// An image to look at, of the values `[3, size, size]` that a network is given: the normalization of each channel undone.
    ///
    /// # Panics
    /// If there are not `3 * size * size` values.
    pub fn pixels(&self, values: &[f32]) -> RgbImage {
        assert_eq!(values.len(), self.values());
        let (side, area) = (self.size as u32, self.size * self.size);
        RgbImage::from_fn(side, side, |x, y| {
            let at = (y * side + x) as usize;
            let level = |channel: usize| self.transform.level(channel, values[channel * area + at]);
            image::Rgb([0, 1, 2].map(level))
        })
    }
}

/// The permutation that the settings ask for.
fn shuffle(configs: &DataConfigs) -> Result<Option<Shuffle>> {
    match (configs.shuffle_block_config, configs.shuffle_pixel_config) {
        (Some(_), Some(_)) => Err(Error::usage(
            "set only one of data.configs.shuffle_block_config and data.configs.shuffle_pixel_config",
        )),
        (Some(blocks), None) => Shuffle::blocks(configs.image_size, blocks.block_size, blocks.seed).map(Some),
        (None, Some(pixels)) => Ok(Some(Shuffle::pixels(configs.image_size, pixels.seed))),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Registry, ShuffleBlock, ShufflePixel};

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
    fn pixels_undo_the_normalization() {
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
}
