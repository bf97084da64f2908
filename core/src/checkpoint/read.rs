//! Opening a file: what it says of itself at once, the values as they are asked for. Nothing in it is trusted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::format::{self, Contents, Values};
use super::{TensorInfo, element};
use crate::error::Result;
use crate::file;

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
    /// [`Error::Data`](crate::error::Error::Data) naming the file and what is wrong with it;
    /// [`Error::Io`](crate::error::Error::Io) if it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let (format, Contents { metadata, tensors, values }) = format::open(path, file::map(path)?)?;
        Ok(Self { format: format.name, metadata, tensors, path: path.to_owned(), kind: format.kind, values })
    }

    /// The values of a tensor, row-major, as float32.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) naming the file and the tensor.
    ///
    /// # Panics
    /// If there are not so many tensors.
    pub fn values(&self, index: usize) -> Result<Vec<f32>> {
        let wrong = |what: &dyn std::fmt::Display| format::broken(&self.path, self.kind, what);
        let (dtype, bytes) = self.values.read(index).map_err(|error| wrong(&error))?;
        let TensorInfo { name, dtype: shown, .. } = &self.tensors[index];
        element::floats(dtype, &bytes)
            .ok_or_else(|| wrong(&format!("{name} holds {shown}, which is not read")))
    }
}
