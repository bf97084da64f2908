//! Reading what `torch.save` writes: zip and legacy files, parsed and never executed.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

use pytorch_reader::{DType, PickleValue, PytorchReader, Tensor};

use super::{Checkpoint, NamedTensor, StateDict};
use crate::error::{Error, Result};

/// Dictionaries that hold the weights, where a file holds more than them.
const WEIGHTS: [&str; 3] = ["state_dict", "model_state_dict", "model"];
/// What wrappers put before every name.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// The weights of a checkpoint, sorted by name, with its other top-level numbers and texts as metadata.
pub(super) fn load(path: &Path) -> Result<Checkpoint> {
    // A file that is not there is no broken one.
    File::open(path).map_err(Error::io("read", path))?;
    let broken = |what: &dyn std::fmt::Display| {
        let what = what.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Error::data(format!(
            "{} is not a whole PyTorch checkpoint ({what}); copy it again or choose another checkpoint",
            path.display()
        ))
    };
    let tensors = PytorchReader::new(path).map_err(|error| broken(&error))?.into_tensors();
    let values = PytorchReader::read_pickle_data(path, None).map_err(|error| broken(&error))?;
    let mut metadata = metadata(values);
    // A number may have been saved as a tensor.
    let scalars = tensors.iter().filter(|(name, tensor)| !name.contains('.') && tensor.shape().is_empty());
    for (name, tensor) in scalars {
        let value = floats(tensor).map_err(|error| broken(&error))?;
        metadata.extend(value.first().map(|value| (name.clone(), value.to_string())));
    }
    let mut state = StateDict::default();
    for (name, tensor) in weights(tensors) {
        let data = floats(&tensor).map_err(|error| broken(&error))?;
        state.tensors.push(NamedTensor { name, shape: tensor.shape().to_vec(), data });
    }
    state.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    if state.tensors.windows(2).any(|pair| pair[0].name == pair[1].name) {
        return Err(broken(&"two tensors have the same name"));
    }
    if state.tensors.is_empty() {
        return Err(broken(&"it holds no weights"));
    }
    Ok(Checkpoint { state, metadata })
}

/// The tensors of the dictionary that holds the weights, without what wrappers add to the names.
fn weights(tensors: HashMap<String, Tensor>) -> Vec<(String, Tensor)> {
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
    let inside = |(name, tensor): (String, Tensor)| Some((unwrapped(name.strip_prefix(&prefix)?), tensor));
    tensors.into_iter().filter_map(inside).collect()
}

fn metadata(values: PickleValue) -> BTreeMap<String, String> {
    let PickleValue::Dict(entries) = values else { return BTreeMap::new() };
    let text = |value| match value {
        PickleValue::Int(number) => Some(number.to_string()),
        PickleValue::Float(number) => Some(number.to_string()),
        PickleValue::String(text) => Some(text),
        _ => None,
    };
    entries.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()
}

/// The values as float32.
fn floats(tensor: &Tensor) -> std::io::Result<Vec<f32>> {
    let bytes = tensor.read()?;
    Ok(match tensor.dtype() {
        DType::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_ne_bytes(*b)).collect(),
        DType::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_ne_bytes(*b) as f32).collect(),
        DType::F16 => bytes.as_chunks().0.iter().map(|b| half::f16::from_ne_bytes(*b).to_f32()).collect(),
        DType::BF16 => bytes.as_chunks().0.iter().map(|b| half::bf16::from_ne_bytes(*b).to_f32()).collect(),
        DType::I64 => bytes.as_chunks().0.iter().map(|b| i64::from_ne_bytes(*b) as f32).collect(),
        DType::I32 => bytes.as_chunks().0.iter().map(|b| i32::from_ne_bytes(*b) as f32).collect(),
        other => {
            let what = format!("{} holds {other:?} instead of floats", tensor.name);
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
        }
    })
}
