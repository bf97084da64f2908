//! Reading what `torch.save` writes: zip and legacy files, parsed and never executed.
//!
//! `pytorch-reader` checks every length that a file declares. Checked here is what it lets through: small files that unfold
//! into much more than they hold.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _};
use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchReader, Tensor};
use safetensors::tensor::Dtype;
use zip::{CompressionMethod, ZipArchive};

use crate::error::{Error, Result};

/// Dictionaries that hold the weights, where a file holds more than them.
const WEIGHTS: [&str; 3] = ["state_dict", "model_state_dict", "model"];
/// What wrappers put before every name.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];
/// How often a file's bytes may be held by its tensors: tied weights share theirs.
const SHARED: u64 = 8;
/// Longest pickle that is parsed, in bytes, where it is known: that of a large network has some hundred thousand.
const LONGEST_PICKLE: u64 = 8 << 20;
/// Bytes that all names may have together.
const LONGEST_NAMES: usize = 64 << 20;

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
    let file = File::open(path).map_err(Error::io("read", path))?;
    Ok(read(path, file).map_err(|error| error.to_string()))
}

type Wrong = Box<dyn std::error::Error>;

fn read(path: &Path, file: File) -> std::result::Result<Opened, Wrong> {
    let length = file.metadata()?.len();
    let format = check_container(file)?;
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
        let value = super::element::floats(dtype(tensor), &tensor.read()?).unwrap_or_default();
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
    if claimed > SHARED * length {
        return Err(format!("its tensors claim {claimed} bytes and the file has {length}").into());
    }
    Ok(Opened { format, metadata, tensors })
}

/// The format, if it is one in which a short file cannot unfold into a long one.
fn check_container(mut file: File) -> std::result::Result<&'static str, Wrong> {
    let mut start = Vec::new();
    file.by_ref().take(512).read_to_end(&mut start)?;
    if !start.starts_with(b"PK") {
        // Its archive may hold files that are all holes.
        if start.get(257..262) == Some(b"ustar") {
            return Err("it is of a PyTorch before 0.1.10; load it there and save it again".into());
        }
        return Ok("PyTorch before 1.6");
    }
    file.rewind()?;
    let mut archive = ZipArchive::new(BufReader::new(file))?;
    for index in 0..archive.len() {
        let record = archive.by_index_raw(index)?;
        if record.compression() != CompressionMethod::Stored {
            return Err("its records are compressed, which torch.save never does".into());
        }
        if record.name().is_ok_and(|name| name.ends_with("data.pkl")) && record.size() > LONGEST_PICKLE {
            return Err(format!("its pickle has {} bytes", record.size()).into());
        }
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
