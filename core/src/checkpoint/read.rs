//! Opening a file: what it says of itself at once, the values as they are asked for. Nothing in it is trusted.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use pytorch_reader::Tensor;
use safetensors::tensor::{Dtype, SafeTensors};

use super::{element, ending, pytorch};
use crate::error::{Error, Result};
use crate::file;

/// What a file says of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorInfo {
    /// PyTorch's name, without `module.`.
    pub name: String,
    /// PyTorch's name of the type of its numbers, such as `float32`.
    pub dtype: String,
    /// Lengths of the axes; none for a single number.
    pub shape: Vec<usize>,
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

/// A checkpoint's file, of which only the description has been read.
#[derive(Debug)]
pub struct Reader {
    /// `safetensors`, `PyTorch` or `PyTorch before 1.6`.
    pub format: &'static str,
    /// Such as `key`, `epoch`, `arch` and `metric`.
    pub metadata: BTreeMap<String, String>,
    /// In the order of the values in safetensors files, by name in others.
    pub tensors: Vec<TensorInfo>,
    path: PathBuf,
    values: Values,
}

/// Where the values of each tensor are.
#[derive(Debug)]
enum Values {
    Mapped(Mmap, Vec<(Dtype, Range<usize>)>),
    PyTorch(Vec<Tensor>),
}

impl Reader {
    /// Opens a safetensors file, or one that `torch.save` wrote if its ending says so.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file and what is wrong with it.
    pub fn open(path: &Path) -> Result<Self> {
        match ending(path) {
            None | Some(".safetensors") => Self::safetensors(path),
            Some(_) => Self::pytorch(path),
        }
    }

    fn safetensors(path: &Path) -> Result<Self> {
        let bytes = file::map(path)?;
        let (length, header) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| broken(path, "safetensors file", &error.to_string()))?;
        // The header's length stands before it.
        let start = size_of::<u64>() + length;
        let (mut tensors, mut ranges) = (Vec::new(), Vec::new());
        for name in header.offset_keys() {
            let Some(info) = header.info(&name) else { continue };
            ranges.push((info.dtype, start + info.data_offsets.0..start + info.data_offsets.1));
            tensors.push(TensorInfo { name, dtype: element::name(info.dtype), shape: info.shape.clone() });
        }
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let values = Values::Mapped(bytes, ranges);
        Ok(Self { format: "safetensors", metadata, tensors, path: path.to_owned(), values })
    }

    fn pytorch(path: &Path) -> Result<Self> {
        let pytorch::Opened { format, metadata, tensors } =
            pytorch::open(path)?.map_err(|what| broken(path, "PyTorch checkpoint", &what))?;
        let info = |tensor: &Tensor| TensorInfo {
            name: tensor.name.clone(),
            dtype: element::name(pytorch::dtype(tensor)),
            shape: tensor.shape().to_vec(),
        };
        Ok(Self {
            format,
            metadata,
            tensors: tensors.iter().map(info).collect(),
            path: path.to_owned(),
            values: Values::PyTorch(tensors),
        })
    }

    /// The values of a tensor, row-major, as float32.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file and the tensor.
    ///
    /// # Panics
    /// If there are not so many tensors.
    pub fn values(&self, index: usize) -> Result<Vec<f32>> {
        let (kind, floats) = match &self.values {
            Values::Mapped(bytes, ranges) => {
                let (dtype, range) = &ranges[index];
                ("safetensors file", element::floats(*dtype, &bytes[range.clone()]))
            }
            Values::PyTorch(tensors) => {
                let kind = "PyTorch checkpoint";
                let bytes =
                    tensors[index].read().map_err(|error| broken(&self.path, kind, &error.to_string()))?;
                (kind, element::floats(pytorch::dtype(&tensors[index]), &bytes))
            }
        };
        let TensorInfo { name, dtype, .. } = &self.tensors[index];
        floats.ok_or_else(|| broken(&self.path, kind, &format!("{name} holds {dtype}, which is not read")))
    }
}

/// The error for a file that is not what it should be, with the reason on one line of bearable length.
fn broken(path: &Path, kind: &str, what: &str) -> Error {
    const LONGEST: usize = 300;
    let what: String = what.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect();
    Error::data(format!(
        "{} is not a whole {kind} ({what}); copy it again or choose another checkpoint",
        path.display()
    ))
}
