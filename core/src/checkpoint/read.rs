//! Reading safetensors files, with nothing in them trusted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors};

use super::{Checkpoint, NamedTensor, StateDict};
use crate::error::{Error, Result};

/// Longest header that is believed, as in the reference implementation of the format.
const MAX_HEADER: u64 = 100_000_000;

pub(super) fn safetensors(path: &Path) -> Result<Checkpoint> {
    let broken = |what: String| broken(path, &what);
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(error.to_string()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| broken(error.to_string()))?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let tensors = header.offset_keys().into_iter().map(|name| {
        let tensor = file.tensor(&name).map_err(|error| broken(error.to_string()))?;
        let data = floats(tensor.dtype(), tensor.data())
            .ok_or_else(|| broken(format!("{name} holds {:?} instead of floats", tensor.dtype())))?;
        Ok(NamedTensor { shape: tensor.shape().to_vec(), name, data })
    });
    Ok(Checkpoint { state: StateDict { tensors: tensors.collect::<Result<_>>()? }, metadata })
}

/// Reads what a checkpoint says about itself, and checks that the file is as long as it says, without its tensors.
///
/// # Errors
/// [`Error::Data`] naming the file and what is wrong with it.
pub fn read_metadata(path: &Path) -> Result<BTreeMap<String, String>> {
    let broken = |what: String| broken(path, &what);
    let file = File::open(path).map_err(Error::io("read", path))?;
    let size = file.metadata().map_err(Error::io("read", path))?.len();
    let mut file = BufReader::new(file);
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|error| broken(error.to_string()))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER {
        return Err(broken(format!("its header claims {length} bytes")));
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(|error| broken(error.to_string()))?;
    let header: serde_json::Value =
        serde_json::from_slice(&header).map_err(|error| broken(error.to_string()))?;
    let ends =
        header.as_object().into_iter().flatten().filter_map(|(_, tensor)| tensor["data_offsets"][1].as_u64());
    let expected = 8 + length + ends.max().unwrap_or(0);
    if size != expected {
        return Err(broken(format!("it has {size} bytes instead of {expected}")));
    }
    let entries = header["__metadata__"].as_object().into_iter().flatten();
    Ok(entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect())
}

fn broken(path: &Path, what: &str) -> Error {
    Error::data(format!(
        "{} is not a whole safetensors file ({what}); copy it again or choose another checkpoint",
        path.display()
    ))
}

fn floats(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    Some(match dtype {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
        Dtype::BF16 => bytes.as_chunks().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect(),
        _ => return None,
    })
}
