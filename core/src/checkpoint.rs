//! Checkpoints: named float32 tensors in PyTorch's names and layouts, in safetensors files and in those of `torch.save`.

mod diff;
mod element;
mod histogram;
mod inspect;
mod pickle;
mod pytorch;
mod read;
mod write;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::file;
use crate::remote::{is_url, without_query};

pub use diff::{Change, Diff, Reshaped, TensorChange, diff};
pub use histogram::Histogram;
pub use inspect::{Inspection, Statistics, inspect};
pub use read::{Reader, TensorInfo};

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
    /// Writes a file, whole or not at all, in the format that its ending names. Equal content gives equal bytes.
    ///
    /// - `.safetensors`: tensors and metadata.
    /// - `.pth.tar`: what the reference's training writes, a dictionary of the metadata and a `state_dict` whose names begin with
    ///   `module.`; metadata that are numbers become numbers.
    /// - `.pth`, `.pt`: a bare state dict, as torchvision publishes them, without metadata.
    ///
    /// Values are float32. Counters of batches, which PyTorch calls `num_batches_tracked`, are int64, as PyTorch expects them.
    ///
    /// # Errors
    /// [`Error::Usage`] for another ending; [`Error::Io`] naming the file. Nothing is left behind then.
    pub fn save(&self, path: &Path) -> Result<()> {
        let write = match ending(path) {
            Some(".safetensors") => write::safetensors,
            Some(".pth.tar") => write::training_state,
            Some(_) => write::state_dict,
            None => {
                return Err(Error::usage(format!(
                    "{} names no format; end it in .safetensors, .pth, .pt or .pth.tar",
                    path.display()
                )));
            }
        };
        file::write_atomically(path, |file| write(self, file))
    }

    /// Reads a safetensors file, or one that `torch.save` wrote (`.pth`, `.pth.tar`, `.pt`): the weights at its top or in its
    /// `state_dict`, without `module.` before their names. All other types of numbers become float32.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self> {
        let reader = Reader::open(path)?;
        let tensors = reader.tensors.par_iter().enumerate().map(|(index, tensor)| {
            let data = reader.values(index)?;
            Ok(NamedTensor { name: tensor.name.clone(), shape: tensor.shape.clone(), data })
        });
        let state = StateDict { tensors: tensors.collect::<Result<_>>()? };
        Ok(Self { state, metadata: reader.metadata })
    }
}

/// Endings of checkpoints' names, the longest first.
const ENDINGS: [&str; 4] = [".safetensors", ".pth.tar", ".pth", ".pt"];

/// A checkpoint's file name without its ending.
pub fn stem(path: &Path) -> String {
    let name = name(path);
    name.strip_suffix(ending(path).unwrap_or_default()).unwrap_or(&name).to_owned()
}

/// The part of a checkpoint's file name that says its format.
pub(crate) fn ending(path: &Path) -> Option<&'static str> {
    let name = name(path);
    ENDINGS.into_iter().find(|ending| name.ends_with(ending))
}

/// The file name; that of a URL without its query.
fn name(path: &Path) -> String {
    let text = path.to_string_lossy();
    let path = if is_url(path) { Path::new(without_query(&text)) } else { path };
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
