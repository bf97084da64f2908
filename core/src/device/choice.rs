//! Devices by their names.

use std::fmt;
use std::mem::discriminant;
use std::str::FromStr;

use burn::tensor::Device;
use serde::{Serialize, Serializer};

use crate::error::{Error, Result};

/// A device as `--device` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The first GPU of CUDA, Vulkan or wgpu, in this order; the CPU without a GPU.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The best GPU of WebGPU's interface on this system: Vulkan, Metal or DirectX 12.
    Wgpu,
    /// A GPU by its number in Vulkan, the best first.
    Vulkan(usize),
    /// A GPU by its number in CUDA.
    Cuda(usize),
}

/// The devices of a run, comma-separated in `--device`. Several train data-parallel, and are of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices(Vec<Choice>);

impl From<Choice> for Choices {
    fn from(choice: Choice) -> Self {
        Self(vec![choice])
    }
}

impl Choices {
    /// Opens all of them.
    ///
    /// # Errors
    /// Those of [`Choice::open`].
    pub fn open(&self) -> Result<Vec<Device>> {
        self.0.iter().map(|choice| choice.open()).collect()
    }

    /// The one device, for work that is not data-parallel.
    ///
    /// # Errors
    /// [`Error::Usage`] if there are several.
    pub fn only(&self) -> Result<Choice> {
        match self.0[..] {
            [choice] => Ok(choice),
            _ => Err(Error::usage("only training shares its work between devices; name one with --device")),
        }
    }
}

impl FromStr for Choices {
    type Err = Error;

    fn from_str(names: &str) -> Result<Self> {
        let choices = names.split(',').map(str::parse).collect::<Result<Vec<Choice>>>()?;
        let is_one_kind = choices.windows(2).all(|pair| discriminant(&pair[0]) == discriminant(&pair[1]));
        // Several replicas on the CPU are slower than one, and let a recipe be tried where there is no GPU.
        let is_twice = |choice: &Choice| {
            *choice != Choice::Cpu && choices.iter().filter(|other| *other == choice).count() > 1
        };
        if !is_one_kind || choices.iter().any(is_twice) {
            return Err(Error::usage(format!(
                "{names} cannot train together; name different devices of one kind, as in cuda:0,cuda:1"
            )));
        }
        Ok(Self(choices))
    }
}

impl Choice {
    /// The cargo feature that it needs; `cpu`, which is none, for the CPU.
    pub(super) fn feature(self) -> &'static str {
        match self {
            Self::Auto | Self::Cpu => "cpu",
            Self::Wgpu => "wgpu",
            Self::Vulkan(_) => "vulkan",
            Self::Cuda(_) => "cuda",
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Cpu => formatter.write_str("cpu"),
            Self::Wgpu => formatter.write_str("wgpu"),
            Self::Vulkan(number) => write!(formatter, "vulkan:{number}"),
            Self::Cuda(number) => write!(formatter, "cuda:{number}"),
        }
    }
}

impl Serialize for Choice {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Choice {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || {
            Error::usage(format!(
                "unknown device {name}; use auto, cpu, wgpu, vulkan or cuda, the last two also with a number, as in cuda:1"
            ))
        };
        let (interface, number) = match name.split_once(':') {
            None => (name, None),
            Some((interface, number)) => (interface, Some(number.parse().map_err(|_| unknown())?)),
        };
        match (interface, number) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("wgpu", None) => Ok(Self::Wgpu),
            ("vulkan", number) => Ok(Self::Vulkan(number.unwrap_or(0))),
            ("cuda", number) => Ok(Self::Cuda(number.unwrap_or(0))),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_they_are_written() {
        let choices = [
            Choice::Auto,
            Choice::Cpu,
            Choice::Wgpu,
            Choice::Vulkan(0),
            Choice::Vulkan(3),
            Choice::Cuda(0),
            Choice::Cuda(12),
        ];
        for choice in choices {
            assert_eq!(choice.to_string().parse::<Choice>().unwrap(), choice);
        }
        assert_eq!("cuda".parse::<Choice>().unwrap(), Choice::Cuda(0));
        assert_eq!("vulkan".parse::<Choice>().unwrap(), Choice::Vulkan(0));
        for wrong in ["", "gpu", "cuda:", "cuda:-1", "cuda:one", "cpu:0", "wgpu:1", "auto:0", "cuda:0:1"] {
            let error = wrong.parse::<Choice>().unwrap_err();
            assert!(matches!(&error, Error::Usage(text) if text.contains("cuda:1")), "{wrong}: {error}");
        }
    }

    #[test]
    fn several_devices_are_different_ones_of_one_kind() {
        let several: Choices = "cuda:0,cuda:1".parse().unwrap();
        assert_eq!(several, Choices(vec![Choice::Cuda(0), Choice::Cuda(1)]));
        assert!(matches!(several.only(), Err(Error::Usage(_))));
        assert_eq!("vulkan".parse::<Choices>().unwrap().only().unwrap(), Choice::Vulkan(0));
        assert_eq!("cpu,cpu".parse::<Choices>().unwrap().open().unwrap().len(), 2);
        for wrong in ["", "cuda:0,", "cuda:0,cuda:0", "cuda,cuda:0", "cpu,cuda:0", "wgpu,wgpu"] {
            assert!(matches!(wrong.parse::<Choices>(), Err(Error::Usage(_))), "{wrong}");
        }
    }
}
