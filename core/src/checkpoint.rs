//! Checkpoints: named float32 tensors in PyTorch's names and layouts, in safetensors files and in those of `torch.save`.

mod diff;
mod element;
mod format;
mod histogram;
mod inspect;
mod location;
mod read;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::file;

pub use diff::{Change, Diff, Reshaped, TensorChange, diff, diff_files};
pub(crate) use format::{OWN_ENDING, preference, shards, write_header};
pub use format::{Pickled, ending, endings, endings_explained, endings_in_words, read_pickle};
pub use histogram::Histogram;
pub use inspect::{Inspection, Statistics, inspect};
pub(crate) use location::public;
pub use location::{Hub, Location, stem};
pub use read::{Reader, Selection};

/// The name in the metadata under which a loaded checkpoint lists the tensors that were left out, with their types.
pub const UNREAD: &str = "not read";

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
        is_count(&self.name)
    }
}

/// Whether a tensor of that name counts the batches that a normalisation has seen.
pub fn is_count(name: &str) -> bool {
    name.ends_with("num_batches_tracked")
}

/// What a file says of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorInfo {
    /// PyTorch's name, without `module.`.
    pub name: String,
    /// PyTorch's name of the type of its numbers, such as `float32`.
    pub dtype: String,
    /// Lengths of the axes; none for a single number, and where they are not known.
    pub shape: Vec<usize>,
    /// Whether its values can be read: those of complex, sparse and quantized tensors cannot.
    pub is_read: bool,
}

impl TensorInfo {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether an axis has no length.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    /// That all values of a checkpoint are finite.
    ///
    /// # Errors
    /// [`Error::Diverged`] naming the checkpoint and the first tensor with a value that is not.
    pub fn check_finite(&self, location: &Location) -> Result<()> {
        for tensor in &self.tensors {
            if let Some(value) = tensor.data.iter().find(|value| !value.is_finite()) {
                return Err(Error::Diverged(format!(
                    "{location} holds {value} in {}, which is not finite; choose a checkpoint from before the training diverged",
                    tensor.name
                )));
            }
        }
        Ok(())
    }

    /// What keeps these tensors from being those that are expected, in words; `None` if nothing does.
    pub fn mismatch<'a>(&self, expected: impl Iterator<Item = (&'a str, &'a [usize])>) -> Option<String> {
        /// Names in one message.
        const SHOWN: usize = 8;
        let expected: Vec<_> = expected.collect();
        let prefixes = self.prefixes_of(expected.iter().map(|(name, _)| *name));
        if let Some(first) = prefixes.first() {
            return Some(format!(
                "the names that are expected stand behind {}, which `runner checkpoint convert FILE NEW --strip {first}` takes off",
                prefixes.join(" and behind ")
            ));
        }
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

    /// The tensors whose names begin with `prefix`, without it.
    pub(crate) fn stripped(self, prefix: &str) -> Self {
        let tensors = self.tensors.into_iter().filter_map(|tensor| {
            let name = tensor.name.strip_prefix(prefix)?.to_owned();
            Some(NamedTensor { name, ..tensor })
        });
        Self { tensors: tensors.collect() }
    }

    /// Prefixes behind each of which all of these names stand; none where they stand behind nothing or behind other things.
    pub(crate) fn prefixes_of<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> Vec<&str> {
        let ours: HashSet<&str> = self.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        let Some(first) = names.clone().next() else { return Vec::new() };
        let prefixes = self.tensors.iter().filter_map(|tensor| tensor.name.strip_suffix(first));
        let prefixes = prefixes.filter(|prefix| prefix.ends_with('.'));
        prefixes
            .filter(|prefix| names.clone().all(|name| ours.contains(format!("{prefix}{name}").as_str())))
            .collect()
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
    /// Writes a file, whole or not at all, in the format that its ending names; [`endings_explained`] says what each holds. Equal
    /// content gives equal bytes.
    ///
    /// Values are float32. Counters of batches, which PyTorch calls `num_batches_tracked`, are int64, as PyTorch expects them.
    /// Metadata that are numbers become numbers in PyTorch's files.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::error::Error::Usage) for another ending; [`Error::Io`](crate::error::Error::Io) naming the file.
    /// Nothing is left behind then.
    pub fn save(&self, path: &Path) -> Result<()> {
        let ending = format::of_new_file(path)?;
        file::write_atomically(path, |file| (ending.write)(self, file))
    }

    /// Reads a file of any format: all its tensors, or, of a file of `torch.save` that holds more, those of the network's state
    /// dict, without `module.` before their names. All other types of numbers become float32. Tensors whose values cannot be read
    /// are left out, and named in the metadata under [`UNREAD`].
    ///
    /// # Errors
    /// Those of [`Reader::open`] and [`Reader::values`].
    pub fn load(path: &Path) -> Result<Self> {
        Self::load_selection(path, Selection::default())
    }

    /// The same of some of its tensors.
    ///
    /// # Errors
    /// Those of [`Reader::open_selection`] and [`Reader::values`].
    pub fn load_selection(path: &Path, selection: Selection) -> Result<Self> {
        let mut reader = Reader::open_selection(path, selection)?;
        let unread: Vec<_> = reader.tensors.iter().filter(|tensor| !tensor.is_read).collect();
        if unread.len() == reader.tensors.len() && !unread.is_empty() {
            return Err(reader.unread(0));
        }
        if !unread.is_empty() {
            let names = unread.iter().map(|tensor| format!("{} ({})", tensor.name, tensor.dtype));
            let names = names.collect::<Vec<_>>().join(", ");
            reader.metadata.insert(UNREAD.to_owned(), names);
        }
        let tensors = reader.tensors.par_iter().enumerate().filter(|(_, tensor)| tensor.is_read);
        let tensors = tensors.map(|(index, tensor)| {
            let data = reader.values(index)?;
            Ok(NamedTensor { name: tensor.name.clone(), shape: tensor.shape.clone(), data })
        });
        let state = StateDict { tensors: tensors.collect::<Result<_>>()? };
        Ok(Self { state, metadata: reader.metadata })
    }
}
