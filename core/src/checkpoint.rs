//! Checkpoints: named float32 tensors in PyTorch's names and layouts, as safetensors.

mod read;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Result;

pub use read::{digest, read_metadata};
pub use write::write_atomically;

/// A tensor with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// PyTorch's name, without `module.`.
    pub name: String,
    /// Lengths of the axes; none for a single number.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub data: Vec<f32>,
}

/// The tensors of a network, in its order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StateDict {
    /// Names are unique.
    pub tensors: Vec<NamedTensor>,
}

impl StateDict {
    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&NamedTensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

/// Tensors, and what is said about them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checkpoint {
    /// The tensors.
    pub state: StateDict,
    /// Such as `key`, `epoch`, `arch` and `metric`.
    pub metadata: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Writes a safetensors file, whole or not at all. Equal content gives equal bytes.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`] naming the file; nothing is left behind then.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_atomically(path, |file| write::safetensors(self, file))
    }

    /// Reads a safetensors file; float16, bfloat16 and float64 become float32. Tensors come in the file's order.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] naming the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self> {
        read::safetensors(path)
    }
}
