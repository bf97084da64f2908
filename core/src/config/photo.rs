//! How photographs are prepared, by the names of timm.

use serde::{Deserialize, Serialize};

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
        for value in self.mean.iter().flatten() {
            section.not_negative("mean", f64::from(*value))?;
        }
        self.std.iter().flatten().try_for_each(|value| section.above_zero("std", f64::from(*value)))
    }
}
