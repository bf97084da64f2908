//! Opening a file: what it says of itself at once, the values as they are asked for. Nothing in it is trusted.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::Dtype;

use super::format::{self, Contents, Values};
use super::{TensorInfo, element};
use crate::error::{Error, Result};

/// A checkpoint's file, of which only the description has been read.
#[derive(Debug)]
pub struct Reader {
    /// The name of the file's format: `safetensors`, `PyTorch` or `PyTorch before 1.6`.
    pub format: &'static str,
    /// Such as `key`, `epoch`, `arch` and `metric`.
    pub metadata: BTreeMap<String, String>,
    /// In the order of the values in safetensors files, by name in others.
    pub tensors: Vec<TensorInfo>,
    path: PathBuf,
    kind: &'static str,
    values: Box<dyn Values>,
}

impl Reader {
    /// Opens a file in the format that its content shows, whatever its name is.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file and what is wrong with it;
    /// [`Error::Io`] if it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let (format, Contents { metadata, tensors, values }) = format::open(path)?;
        Ok(Self { format: format.name, metadata, tensors, path: path.to_owned(), kind: format.kind, values })
    }

    /// The values of a tensor, row-major, as float32.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file and the tensor.
    ///
    /// # Panics
    /// If there are not so many tensors.
    pub fn values(&self, index: usize) -> Result<Vec<f32>> {
        let (dtype, bytes) = self.stored(index)?;
        element::floats(dtype, &bytes).ok_or_else(|| self.unread(index))
    }

    /// The type of a tensor's values, and their bytes, little-endian.
    pub(super) fn stored(&self, index: usize) -> Result<(Dtype, Cow<'_, [u8]>)> {
        self.values.read(index).map_err(|error| self.wrong(&error))
    }

    /// That the values of a tensor are of a type that is not read.
    pub(super) fn unread(&self, index: usize) -> Error {
        let TensorInfo { name, dtype, .. } = &self.tensors[index];
        self.wrong(&format!("{name} holds {dtype}, which is not read"))
    }

    fn wrong(&self, what: &dyn std::fmt::Display) -> Error {
        format::broken(&self.path, self.kind, what)
    }
}
