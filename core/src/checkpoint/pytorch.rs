//! Reading what `torch.save` writes: zip and legacy files, parsed and never executed.
//!
//! `pytorch-reader` checks every length that a file declares. Checked here is what it lets through: small files that unfold
//! into much more than they hold.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchReader, Tensor};
use safetensors::tensor::Dtype;
use zip::{CompressionMethod, ZipArchive};

use super::{element, pickle};
use crate::error::Result;
use crate::file;

/// Dictionaries that hold the weights, where a file holds more than them.
const WEIGHTS: [&str; 3] = ["state_dict", "model_state_dict", "model"];
/// What wrappers put before every name.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];
/// How often a file's bytes may be held by its tensors: tied weights share theirs.
const SHARED: u64 = 8;
/// Longest pickles that are parsed, in bytes: each may unfold into some hundred. Those of a large network have as many thousand.
const LONGEST_PICKLE: usize = 4 << 20;
/// Bytes that all names may have together.
const LONGEST_NAMES: usize = 16 << 20;

/// An opened file.
pub(super) struct Opened {
    pub format: &'static str,
    /// Top-level numbers and texts.
    pub metadata: BTreeMap<String, String>,
    /// Sorted by name.
    pub tensors: Vec<Tensor>,
}

/// Opens a checkpoint; the inner error says in words what is wrong with it.
pub(super) fn open(path: &Path) -> Result<std::result::Result<Opened, String>> {
    // A file that is not there is no broken one.
    let bytes = file::map(path)?;
    Ok(read(path, &bytes).map_err(|error| error.to_string()))
}

type Wrong = Box<dyn std::error::Error>;

fn read(path: &Path, bytes: &[u8]) -> std::result::Result<Opened, Wrong> {
    let format = check_container(bytes)?;
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
    if tensors.windows(2).any(|pair| pair[0].name == pair[1].name) {
        return Err("two tensors have the same name".into());
    }
    if tensors.is_empty() {
        return Err("it holds no weights".into());
    }
    let claimed = tensors.iter().fold(0u64, |sum, tensor| sum.saturating_add(tensor.byte_len() as u64));
    if claimed > SHARED * bytes.len() as u64 {
        return Err(format!("its tensors claim {claimed} bytes and the file has {}", bytes.len()).into());
    }
    Ok(Opened { format, metadata, tensors })
}

/// The format, if it is one in which a short file cannot unfold into a long one.
fn check_container(bytes: &[u8]) -> std::result::Result<&'static str, Wrong> {
    /// Magic number, version, system, the saved object, and the order of what follows.
    const LEGACY_PICKLES: usize = 5;
    if !bytes.starts_with(b"PK") {
        // The archives of early versions may hold files that are all holes.
        if bytes.get(257..262) == Some(b"ustar") {
            return Err("it is of a PyTorch before 0.1.10; load it there and save it again".into());
        }
        let mut length = 0;
        for _ in 0..LEGACY_PICKLES {
            length +=
                pickle::length(&bytes[length..], LONGEST_PICKLE - length).ok_or("its pickles do not end")?;
        }
        return Ok("PyTorch before 1.6");
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    let mut places = Vec::new();
    for index in 0..archive.len() {
        let record = archive.by_index_raw(index)?;
        if record.compression() != CompressionMethod::Stored {
            return Err("its records are compressed, which torch.save never does".into());
        }
        if record.name()?.ends_with("data.pkl") && record.size() > LONGEST_PICKLE as u64 {
            return Err(format!("its pickle has {} bytes", record.size()).into());
        }
        let start = record.data_start().ok_or("a record is nowhere")?;
        places.push((start, start.saturating_add(record.size())));
    }
    places.sort_unstable();
    if places.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err("its records overlap".into());
    }
    Ok("PyTorch")
}

/// Bytes of the dotted names of everything in a dictionary, which is not nested deeper than a thousand times.
fn names(entries: &HashMap<String, PickleValue>, prefix: usize) -> usize {
    let length = |(name, value): (&String, &PickleValue)| match value {
        PickleValue::Dict(inside) => names(inside, prefix + name.len() + 1),
        _ => prefix + name.len(),
    };
    entries.iter().map(length).fold(0, usize::saturating_add)
}

/// The tensors of the dictionary that holds the weights, without what wrappers add to the names.
fn weights(tensors: HashMap<String, Tensor>) -> Vec<Tensor> {
    let prefix = WEIGHTS
        .iter()
        .map(|dictionary| format!("{dictionary}."))
        .find(|prefix| tensors.keys().any(|name| name.starts_with(prefix)))
        .unwrap_or_default();
    let unwrapped = |name: &str| {
        let mut name = name;
        while let Some(rest) = WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper)) {
            name = rest;
        }
        name.to_owned()
    };
    let inside = |(name, mut tensor): (String, Tensor)| {
        tensor.name = unwrapped(name.strip_prefix(&prefix)?);
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
pub(super) fn dtype(tensor: &Tensor) -> Dtype {
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
