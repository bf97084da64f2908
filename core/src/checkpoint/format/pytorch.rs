//! Reading the pickles of `torch.save`, which are parsed and never executed.
//!
//! `pytorch-reader` checks every length that a file declares. Checked here is what it lets through: small files that unfold
//! into much more than they hold.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchReader, Tensor};
use safetensors::tensor::Dtype;

use super::{Contents, Values, Wrong, broken};
use crate::checkpoint::{TensorInfo, element};
use crate::error::Result;

/// What error messages call these files.
pub(super) const KIND: &str = "PyTorch checkpoint";
/// Longest pickles that are parsed, in bytes: each may unfold into some hundred. Those of a large network have as many thousand.
pub(super) const LONGEST_PICKLE: usize = 4 << 20;
/// Dictionaries that hold the weights, where a file holds more than them.
const WEIGHTS: [&str; 3] = ["state_dict", "model_state_dict", "model"];
/// How often a file's bytes may be held by its tensors: tied weights share theirs.
const SHARED: u64 = 8;
/// Bytes that all names may have together.
const LONGEST_NAMES: usize = 16 << 20;

/// Opens a file that passes a check of its container.
pub(super) fn open(
    path: &Path,
    bytes: &[u8],
    check: fn(&[u8]) -> std::result::Result<(), Wrong>,
) -> Result<Contents> {
    let read = || {
        check(bytes)?;
        read(path, bytes)
    };
    read().map_err(|wrong| broken(path, KIND, &wrong))
}

/// The weights at the top of a file or in its `state_dict`, sorted by name, and the numbers and texts at its top.
fn read(path: &Path, bytes: &[u8]) -> std::result::Result<Contents, Wrong> {
    let PickleValue::Dict(values) = PytorchReader::read_pickle_data(path, None)? else {
        return Err("it holds no dictionary".into());
    };
    if names(&values, 0) > LONGEST_NAMES {
        return Err("its names are too long".into());
    }
    let tensors = PytorchReader::new(path)?.into_tensors();
    let mut metadata = metadata(values);
    // A number may have been saved as a tensor.
    let scalars = tensors.iter().filter(|(name, tensor)| !name.contains('.') && tensor.shape().is_empty());
    for (name, tensor) in scalars {
        let value = element::floats(dtype(tensor), &tensor.read()?).unwrap_or_default();
        metadata.extend(value.first().map(|value| (name.clone(), value.to_string())));
    }
    let mut tensors = weights(tensors);
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    if tensors.is_empty() {
        return Err("it holds no weights".into());
    }
    let claimed = tensors.iter().fold(0u64, |sum, tensor| sum.saturating_add(tensor.byte_len() as u64));
    if claimed > SHARED * bytes.len() as u64 {
        return Err(format!("its tensors claim {claimed} bytes and the file has {}", bytes.len()).into());
    }
    let info = |tensor: &Tensor| TensorInfo {
        name: tensor.name.clone(),
        dtype: element::name(dtype(tensor)),
        shape: tensor.shape().to_vec(),
    };
    Ok(Contents { metadata, tensors: tensors.iter().map(info).collect(), values: Box::new(tensors) })
}

impl Values for Vec<Tensor> {
    fn read(&self, index: usize) -> std::result::Result<(Dtype, Cow<'_, [u8]>), Wrong> {
        let tensor = &self[index];
        Ok((dtype(tensor), Cow::Owned(tensor.read()?)))
    }
}

/// Bytes of the dotted names of everything in a dictionary, which is not nested deeper than a thousand times.
fn names(entries: &HashMap<String, PickleValue>, prefix: usize) -> usize {
    let length = |(name, value): (&String, &PickleValue)| match value {
        PickleValue::Dict(inside) => names(inside, prefix + name.len() + 1),
        _ => prefix + name.len(),
    };
    entries.iter().map(length).fold(0, usize::saturating_add)
}

/// The tensors of the dictionary that holds the weights.
fn weights(tensors: HashMap<String, Tensor>) -> Vec<Tensor> {
    let prefix = WEIGHTS
        .iter()
        .map(|dictionary| format!("{dictionary}."))
        .find(|prefix| tensors.keys().any(|name| name.starts_with(prefix)))
        .unwrap_or_default();
    let inside = |(name, mut tensor): (String, Tensor)| {
        tensor.name = name.strip_prefix(&prefix)?.to_owned();
        Some(tensor)
    };
    tensors.into_iter().filter_map(inside).collect()
}

fn metadata(values: HashMap<String, PickleValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        PickleValue::Int(number) => Some(number.to_string()),
        PickleValue::Float(number) => Some(number.to_string()),
        PickleValue::String(text) => Some(text),
        _ => None,
    };
    values.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()
}

/// The type of a tensor's numbers.
fn dtype(tensor: &Tensor) -> Dtype {
    match tensor.dtype() {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::I16 => Dtype::I16,
        DType::I8 => Dtype::I8,
        DType::U64 => Dtype::U64,
        DType::U32 => Dtype::U32,
        DType::U16 => Dtype::U16,
        DType::U8 => Dtype::U8,
        DType::Bool => Dtype::BOOL,
    }
}
