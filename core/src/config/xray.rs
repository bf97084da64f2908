//! How CheXpert's images are prepared, by the names of the reference.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::setting::Section;

/// How CheXpert's images are prepared, and which are trained on twice. What is left out is as in the reference's keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct XraySettings {
    /// Level that becomes zero, and with which `border_pad` fills.
    pub pixel_mean: f64,
    /// Levels that become one.
    pub pixel_std: f64,
    /// Whether levels are divided by `pixel_std`.
    #[serde(rename = "use_pixel_std")]
    pub is_scaled: bool,
    /// Whether the histogram is equalised.
    #[serde(rename = "use_equalizeHist")]
    pub is_equalized: bool,
    /// What is done to training images first.
    pub use_transforms_type: Augmentation,
    /// Side of the kernel that blurs the resized image, pixels; 0 for none.
    pub gaussian_blur: usize,
    /// What is beside an image that is no square.
    pub border_pad: Border,
    /// Whether an image keeps the ratio of its sides; otherwise it is stretched to the square.
    pub fix_ratio: bool,
    /// Findings that are trained on more often: 2 Cardiomegaly, 5 Edema, 6 Consolidation, 8 Atelectasis, 10 Pleural Effusion.
    pub enhance_index: Vec<usize>,
    /// How often an image with one of them is there besides once.
    pub enhance_times: usize,
    /// Largest turn to either side, degrees (`Aug` alone, like the next two).
    pub degrees: f64,
    /// Largest shift to either side, as a share of the side.
    pub translate: f64,
    /// Smallest and largest factor.
    pub scale: (f64, f64),
}

/// What is done to training images before all else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Augmentation {
    /// A random turn, shift and scale.
    Aug,
    /// The histogram equalised, and a blur.
    Common,
    /// Nothing.
    None,
}

/// What is beside an image, by NumPy's names of the modes of `pad`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Border {
    /// The level 0.
    Zero,
    /// The level `pixel_mean`.
    PixelMean,
    /// The last pixel again.
    Edge,
    /// The image mirrored, without its last pixel.
    Reflect,
    /// The image mirrored.
    Symmetric,
    /// The image again.
    Wrap,
}

impl Default for XraySettings {
    fn default() -> Self {
        Self {
            pixel_mean: 128.0,
            pixel_std: 64.0,
            is_scaled: true,
            is_equalized: true,
            use_transforms_type: Augmentation::Aug,
            gaussian_blur: 3,
            border_pad: Border::PixelMean,
            fix_ratio: true,
            enhance_index: vec![2, 6],
            enhance_times: 1,
            degrees: 15.0,
            translate: 0.05,
            scale: (0.95, 1.05),
        }
    }
}

impl XraySettings {
    /// The columns of the findings, of which the first stands for bit 0 of a label.
    pub const COLUMNS: [usize; 5] = [2, 5, 6, 8, 10];

    /// Levels that become one.
    pub fn spread(&self) -> f32 {
        if self.is_scaled { self.pixel_std as f32 } else { 1.0 }
    }

    pub(super) fn check(&self, section: Section) -> Result<()> {
        let blur = self.gaussian_blur;
        section.require(blur % 2 == 1 || blur == 0, "gaussian_blur", blur, "0 or odd, as OpenCV needs it")?;
        section.require(blur <= 31, "gaussian_blur", blur, "at most 31")?;
        section.above_zero("pixel_std", self.pixel_std)?;
        section.not_negative("pixel_mean", self.pixel_mean)?;
        section.not_negative("degrees", self.degrees)?;
        section.below_one("translate", self.translate)?;
        section.above_zero("scale", self.scale.0)?;
        section.require(
            self.scale.0 <= self.scale.1,
            "scale",
            format!("{:?}", self.scale),
            "the smaller factor, then the larger",
        )?;
        section.require(self.enhance_times <= 100, "enhance_times", self.enhance_times, "at most 100")?;
        let unknown = self.enhance_index.iter().find(|index| !Self::COLUMNS.contains(index));
        section.require(
            unknown.is_none(),
            "enhance_index",
            format!("{:?}", self.enhance_index),
            "of the columns 2 Cardiomegaly, 5 Edema, 6 Consolidation, 8 Atelectasis and 10 Pleural Effusion",
        )
    }
}
