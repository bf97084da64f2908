//! The devices of this machine: the CPU, and the GPUs that this build can use.

mod choice;
#[cfg(feature = "cuda")]
mod cuda;
mod failure;
#[cfg(feature = "wgpu")]
mod graphics;
mod precision;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use burn::tensor::{DType, Device, Tensor};
use serde::Serialize;

use crate::error::{Error, Remedy, Result};
use crate::kernel::{instructions, use_only_avx2};
use crate::number;

pub use self::choice::{Choice, Choices};
pub use self::failure::guarded;
pub(crate) use self::failure::unreadable;
pub use self::precision::{Precision, check_precision};

/// The GPU features that this program was built with.
pub const FEATURES: &[&str] = &[
    #[cfg(feature = "cuda")]
    "cuda",
    #[cfg(feature = "vulkan")]
    "vulkan",
    #[cfg(feature = "wgpu")]
    "wgpu",
];

/// A device of this machine that this build can use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hardware {
    /// The `--device` value that chooses it.
    pub choice: Choice,
    /// Its name; of the CPU, the widest vector instructions that the kernels use.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The interface that Burn uses it through, such as `Vulkan`.
    pub interface: String,
    /// Name and version of its driver.
    pub driver: String,
    /// Its memory, bytes, if the interface reports it.
    pub memory: Option<u64>,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The processor, by this program's own kernels.
    Cpu,
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A GPU that a virtual machine shares with others.
    Virtual,
    /// A software GPU, emulated on the CPU, such as Mesa's llvmpipe: correct, and very slow.
    Software,
    /// Its driver does not say.
    Other,
}

/// The GPUs that have been opened, each of them once, and their descriptions.
static OPENED: Mutex<Vec<(Device, Hardware)>> = Mutex::new(Vec::new());

impl Hardware {
    /// Its memory in GiB, with the unit.
    pub fn memory_in_words(&self) -> Option<String> {
        self.memory.map(number::bytes)
    }
}

impl Choice {
    /// The device itself.
    ///
    /// # Errors
    /// [`Error::Usage`] if this build lacks the feature; [`Error::Run`] if there is no such device, or it does not start.
    pub fn open(self) -> Result<Device> {
        if self == Self::Auto {
            let gpus = list().into_iter().filter(|found| !matches!(found.kind, Kind::Cpu | Kind::Software));
            return Ok(gpus.filter_map(|gpu| gpu.choice.open().ok()).next().unwrap_or_else(Device::flex));
        }
        if self == Self::Cpu {
            return Ok(Device::flex());
        }
        #[cfg(feature = "vulkan")]
        if self == Self::Wgpu && graphics::best_is_vulkan() {
            // Burn starts a GPU once for each interface.
            return Self::Vulkan(0).open();
        }
        if !FEATURES.contains(&self.feature()) {
            let feature = self.feature();
            let error = Error::usage(format!("this build has no {feature}; build with --features {feature}"));
            return Err(error.with(Remedy::ChooseDevice(choices())));
        }
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((device, _)) = opened.iter().find(|(_, hardware)| hardware.choice == self) {
            return Ok(device.clone());
        }
        let Some(hardware) = list().into_iter().find(|hardware| hardware.choice == self) else {
            let error = Error::run(format!("there is no device {self} here; check its driver"));
            return Err(error.with(Remedy::ChooseDevice(choices())));
        };
        let device = self.start().map_err(|problem| {
            Error::run(format!("{hardware} does not start ({problem}); check its driver"))
                .with(Remedy::ChooseDevice(Choice::Cpu.to_string()))
        })?;
        opened.push((device.clone(), hardware));
        Ok(device)
    }

    /// Initialises a GPU that [`list`] has found; the error says in words why it cannot be used.
    fn start(self) -> std::result::Result<Device, String> {
        match self {
            #[cfg(feature = "wgpu")]
            Self::Wgpu | Self::Vulkan(_) => graphics::start(self),
            #[cfg(feature = "cuda")]
            Self::Cuda(number) => cuda::start(number),
            _ => Err("this build cannot use it".to_owned()),
        }
    }
}

/// All devices of this machine that this build can use, the best first and the CPU last.
pub fn list() -> Vec<Hardware> {
    let mut devices = Vec::new();
    #[cfg(feature = "cuda")]
    devices.extend(cuda::list());
    #[cfg(feature = "wgpu")]
    devices.extend(graphics::list());
    devices.push(cpu());
    devices
}

/// The description of a device that [`Choice::open`] has opened.
pub fn describe(device: &Device) -> Hardware {
    let opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    opened.iter().find(|(known, _)| known == device).map_or_else(cpu, |(_, hardware)| hardware.clone())
}

/// Whether a device is the CPU, with or without autodiff.
pub(crate) fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// Whether [`crate::kernel`] can compute on these images: they lie in the CPU's memory, in single precision.
pub(crate) fn has_kernels(images: &Tensor<4>) -> bool {
    is_cpu(&images.device()) && images.dtype() == DType::F32
}

/// Memory of a GPU that this program has reserved, bytes; unknown for the CPU. Waits until the GPU is idle.
pub fn memory_held(device: &Device) -> Option<u64> {
    device.memory_pool_usage().map(|usage| usage.bytes_reserved)
}

fn cpu() -> Hardware {
    Hardware {
        choice: Choice::Cpu,
        name: instructions().to_owned(),
        kind: Kind::Cpu,
        interface: String::new(),
        driver: String::new(),
        memory: main_memory(),
    }
}

/// The machine's memory, bytes, if the system reports it.
fn main_memory() -> Option<u64> {
    let known = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes = known.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    kibibytes.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}

/// Vector instructions of the CPU that its kernels may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instructions {
    /// The widest that the processor has.
    Widest,
    /// AVX2 with FMA, also where the processor has AVX-512: the same bytes on every x86-64 processor that has AVX2.
    Avx2,
}

impl Instructions {
    /// Chooses them for this process.
    ///
    /// # Errors
    /// [`Error::Usage`] if the processor lacks them.
    pub fn choose(self) -> Result<()> {
        if self == Self::Avx2 && !use_only_avx2() {
            return Err(Error::usage("this processor has no AVX2; leave the choice of instructions out"));
        }
        Ok(())
    }
}

/// The devices of this machine as `--device` names them, joined by "or".
fn choices() -> String {
    let names: Vec<String> = list().iter().map(|hardware| hardware.choice.to_string()).collect();
    names.join(" or ")
}

impl fmt::Display for Hardware {
    /// `wgpu, NAME, Vulkan, DRIVER, 8.00 GiB`, as far as it is known.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.choice)?;
        for part in [&self.name, &self.interface, &self.driver].into_iter().filter(|part| !part.is_empty()) {
            write!(formatter, ", {part}")?;
        }
        self.memory_in_words().map_or(Ok(()), |memory| write!(formatter, ", {memory}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_a_sentence_with_a_remedy() {
        for choice in [Choice::Wgpu, Choice::Vulkan(90), Choice::Cuda(90)] {
            let built = FEATURES.contains(&choice.feature());
            match choice.open() {
                Ok(device) => assert_eq!(describe(&device).choice, Choice::Wgpu),
                Err(error) => {
                    let text = error.to_string();
                    let remedy = error.remedy();
                    assert!(
                        matches!(remedy, Some(Remedy::ChooseDevice(names)) if names.contains("cpu")),
                        "{text}"
                    );
                    assert_eq!(error.exit_code(), if built { 1 } else { 2 }, "{text}");
                    assert_eq!(text.contains("--features"), !built, "{text}");
                }
            }
        }
    }

    #[test]
    fn the_cpu_is_always_there_and_last() {
        let devices = list();
        assert_eq!(devices.last().map(|hardware| hardware.choice), Some(Choice::Cpu));
        let device = Choice::Cpu.open().unwrap();
        assert!(is_cpu(&device) && is_cpu(&device.clone().autodiff()));
        assert_eq!(describe(&device), cpu());
        assert!(describe(&device).to_string().starts_with("cpu, "));
    }
}
