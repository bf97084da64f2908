//! Checkpoints: named float32 tensors in PyTorch's names and layouts, written as safetensors, read from PyTorch's files too.

mod pytorch;
mod read;
mod write;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use crate::error::Result;
use crate::file;

pub use read::read_metadata;

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

impl NamedTensor {
    /// Whether PyTorch keeps it as an integer: the batches that a normalisation has seen.
    pub fn is_count(&self) -> bool {
        self.name.ends_with("num_batches_tracked")
    }
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

    /// What keeps these tensors from being those that are expected, in words; `None` if nothing does.
    pub fn mismatch<'a>(&self, expected: impl Iterator<Item = (&'a str, &'a [usize])>) -> Option<String> {
        /// Names in one message.
        const SHOWN: usize = 8;
        let mut known = HashSet::new();
        let mut problems: Vec<String> = Vec::new();
        for (name, shape) in expected {
            known.insert(name);
            match self.get(name) {
                None => problems.push(format!("{name} is missing")),
                Some(tensor) if tensor.shape != shape => {
                    problems.push(format!("{name} is {:?} instead of {shape:?}", tensor.shape));
                }
                Some(_) => {}
            }
        }
        let extra = self.tensors.iter().filter(|tensor| !known.contains(tensor.name.as_str()));
        problems.extend(extra.map(|tensor| format!("{} is not part of it", tensor.name)));
        let more = problems.len().saturating_sub(SHOWN);
        problems.truncate(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!problems.is_empty()).then(|| problems.join(", ") + &more)
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
        file::write_atomically(path, |file| write::safetensors(self, file))
    }

    /// Reads a safetensors file, or one that `torch.save` wrote (`.pth`, `.pth.tar`, `.pt`): the weights at its top or in its
    /// `state_dict`, without `module.` before their names. float16, bfloat16, float64 and integers become float32.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] naming the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self> {
        if is_pytorch(path) { pytorch::load(path) } else { read::safetensors(path) }
    }
}

/// Endings of checkpoints' names, the longest first.
const ENDINGS: [&str; 4] = [".safetensors", ".pth.tar", ".pth", ".pt"];

/// A checkpoint's file name without its ending.
pub fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).map_or(name.clone(), str::to_owned)
}

fn is_pytorch(path: &Path) -> bool {
    let name = path.to_string_lossy();
    ENDINGS[1..].iter().any(|ending| name.ends_with(ending))
}
