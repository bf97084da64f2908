//! Precisions that a device may compute in.

use std::fmt;

use burn::tensor::{DType, Device};
use serde::{Deserialize, Serialize};

use super::{Choice, describe};
use crate::error::{Error, Result};

/// Precision of the convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision. NVIDIA's GPUs are free to round factors to TF32 where that is faster.
    #[default]
    F32,
    /// The same, refused where there is no TF32.
    Tf32,
    /// bfloat16, with sums as the device takes them.
    Bf16,
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        })
    }
}

/// Refuses a precision that a device does not have.
///
/// # Errors
/// [`Error::Usage`] naming the device.
pub fn check_precision(precision: Precision, device: &Device) -> Result<()> {
    let hardware = describe(device);
    let is_there = match precision {
        Precision::F32 => true,
        Precision::Tf32 => matches!(hardware.choice, Choice::Cuda(_)),
        Precision::Bf16 => device.supports_dtype(DType::BF16),
    };
    if is_there {
        return Ok(());
    }
    Err(Error::usage(format!("{hardware} has no {precision}; use train.precision=f32, or another --device")))
}
