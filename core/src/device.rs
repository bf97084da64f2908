//! Choosing a device, and tensors of the CPU as plain slices.

use std::fmt;
use std::str::FromStr;

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Device, TensorData};

use crate::error::{Error, Result};

/// A device as `--device` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The best there is.
    #[default]
    Auto,
    /// The processor.
    Cpu,
}

impl Choice {
    /// The device itself.
    pub fn open(self) -> Device {
        Device::flex()
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("cpu")
    }
}

impl FromStr for Choice {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            _ => Err(Error::usage(format!(
                "no device {name} in this build; use --device auto or --device cpu"
            ))),
        }
    }
}

/// A tensor in the CPU's memory.
pub(crate) type CpuTensor = FloatTensor<Flex>;

/// The values of a contiguous tensor.
pub(crate) fn floats(tensor: &CpuTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous float32")
}

/// The values of a tensor, without a copy where nobody else holds it.
pub(crate) fn into_floats(tensor: CpuTensor) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("float32")
}

/// A tensor that takes over the values.
pub(crate) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> CpuTensor {
    CpuTensor::from_data(TensorData::new(values, shape))
}
