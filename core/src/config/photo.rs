//! How photographs are prepared, by the names of timm.

use serde::{Deserialize, Serialize};

use super::RandAugment;
use crate::error::Result;
use crate::setting::Section;

/// How photographs are prepared, where it is not as in the data set's keys: as a pre-trained network wants it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhotoSettings {
    /// Mean of red, green and blue, as fractions of full brightness; the data set's unless set.
    pub mean: Option<[f32; 3]>,
    /// Standard deviation of red, green and blue; the data set's unless set.
    pub std: Option<[f32; 3]>,
    /// The filter that resizes.
    pub interpolation: Interpolation,
    /// RandAugment of training images, after crop and flip, as timm's `--aa` has it: `rand-m9-mstd0.5-inc1`.
    pub rand_augment: Option<RandAugment>,
    /// Probability that a rectangle of a training image is erased, after normalization and shuffle (timm's `--reprob`).
    pub random_erasing: f64,
    /// What stands there instead (timm's `--remode`).
    pub random_erasing_mode: ErasingMode,
}

/// What random erasing puts in the place of what it erases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasingMode {
    /// The mean: 0 after normalization.
    Const,
    /// One normal draw for each channel.
    Rand,
    /// One normal draw for each value.
    #[default]
    Pixel,
}

/// Pillow's filters, with antialiasing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// A triangle.
    #[default]
    Bilinear,
    /// Keys' cubic convolution with a = -0.5.
    Bicubic,
}

impl PhotoSettings {
    pub(super) fn check(&self, section: Section) -> Result<()> {
        // Levels up to 255 in place of fractions would give a network nothing that it knows.
        for value in self.mean.iter().flatten() {
            section.require((0.0..=1.0).contains(value), "mean", value, "from 0 to 1")?;
        }
        for value in self.std.iter().flatten() {
            section.require(*value > 0.0 && *value <= 1.0, "std", value, "above 0, and at most 1")?;
        }
        let probability = self.random_erasing;
        section.require((0.0..=1.0).contains(&probability), "random_erasing", probability, "from 0 to 1")
    }
}
