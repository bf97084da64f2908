//! What the containers of `torch.save` share: a pickle that describes tensors, and storages with their numbers.

mod graph;
mod machine;
mod parts;
mod plain;
mod tensor;
mod view;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::ops::Range;
use std::sync::Arc;

use flate2::read::DeflateDecoder;
use safetensors::tensor::Dtype;

use super::{Contents, Fault, Stored, Values, damaged};
use crate::checkpoint::{TensorInfo, element};
use crate::file::Mapped;

pub(super) use graph::{Graph, Value};
pub(super) use machine::read;
use parts::{Search, Top};
pub use plain::Pickled;
pub(super) use plain::plain;
pub(super) use tensor::element_of_storage;
use tensor::{Described, storage_id};
use view::Tensor;
pub(super) use view::{StorageId, View};

/// What error messages call these files.
pub(super) const KIND: &str = "PyTorch checkpoint";
/// How often a file's bytes may be held by its tensors: tied weights share theirs.
const SHARED: usize = 8;

/// A record of a container.
#[derive(Debug, Clone)]
pub(super) struct Storage {
    /// Where it is in the file.
    pub place: Range<usize>,
    /// In bytes, unpacked.
    pub length: usize,
    pub is_deflated: bool,
}

/// The records of a container that hold numbers.
#[derive(Debug)]
pub(super) struct Storages {
    pub file: Arc<Mapped>,
    pub records: HashMap<String, Storage>,
    pub big_endian: bool,
}

impl Storages {
    /// The bytes of a record of the file.
    pub fn bytes(&self, storage: &Storage) -> Result<Cow<'_, [u8]>, Fault> {
        unpacked(&self.file, storage)
    }
}

/// The bytes of a record.
pub(super) fn unpacked<'a>(file: &'a [u8], storage: &Storage) -> Result<Cow<'a, [u8]>, Fault> {
    let stored = &file[storage.place.clone()];
    if !storage.is_deflated {
        return Ok(Cow::Borrowed(stored));
    }
    let mut bytes = Vec::with_capacity(storage.length);
    let read = DeflateDecoder::new(stored).take(storage.length as u64 + 1).read_to_end(&mut bytes);
    match read {
        Ok(_) if bytes.len() == storage.length => Ok(Cow::Owned(bytes)),
        _ => Err(damaged("a compressed record does not unpack to its length")),
    }
}

/// Most bytes that may be unpacked from a file of some length, or held by its tensors.
pub(super) fn most_bytes(file: usize) -> usize {
    SHARED.saturating_mul(file)
}

/// Bytes of memory that a pickle in a file of some length may take.
pub(super) fn memory(file: usize) -> usize {
    const ALWAYS: usize = 32 << 20;
    ALWAYS.saturating_add(3 * file)
}

/// How many bytes a number takes in each storage that a pickle names.
pub(super) fn sizes(graph: &Graph) -> HashMap<String, usize> {
    let ids = graph.persistent().filter_map(|id| storage_id(graph, id));
    ids.filter_map(|id| Some((id.key, id.element?.size))).collect()
}

/// A part of a file, or the one with the weights, sorted by name.
pub(super) fn contents(graph: &Graph, storages: Storages, part: Option<&str>) -> Result<Contents, Fault> {
    let part = Search::new(graph).part(part)?;
    let mut metadata = BTreeMap::new();
    for (name, value) in part.top {
        let text = match value {
            Top::Text(text) => Some(text),
            Top::Single(Described::Plain(plain)) if plain.shape.is_empty() => {
                let tensor = plain.found_in(&storages)?;
                let bytes = tensor.read(&storages)?;
                let values = tensor.view.element.dtype.and_then(|dtype| element::floats(dtype, &bytes));
                values.and_then(|values| Some(values.first()?.to_string()))
            }
            Top::Single(_) => None,
        };
        metadata.extend(text.map(|text| (name, text)));
    }
    let mut tensors = Vec::new();
    let mut claimed = 0usize;
    for (name, described) in part.tensors {
        let (shape, dtype, tensor) = match described {
            Described::Plain(plain) => {
                let tensor = plain.found_in(&storages).map_err(|fault| fault.about(&name))?;
                claimed = claimed.saturating_add(tensor.len());
                (tensor.view.shape.clone(), tensor.view.element.name, Some(tensor))
            }
            Described::Unread(what) => (Vec::new(), what, None),
        };
        let tensor = tensor.and_then(|tensor| Some((tensor.view.element.dtype?, tensor)));
        let is_read = tensor.is_some();
        tensors.push((TensorInfo { name, dtype: dtype.to_owned(), shape, is_read }, tensor));
    }
    let file = storages.file.len();
    if claimed > most_bytes(file) {
        return Err(damaged(format!("its tensors claim {claimed} bytes and the file has {file}")));
    }
    tensors.sort_by(|(one, _), (two, _)| one.name.cmp(&two.name));
    let (infos, tensors) = tensors.into_iter().unzip();
    Ok(Contents {
        metadata,
        tensors: infos,
        values: Box::new(Weights { storages, tensors }),
        part: part.name,
        parts: part.others,
    })
}

/// Open tensors; none where a tensor is not read.
#[derive(Debug)]
struct Weights {
    storages: Storages,
    tensors: Vec<Option<(Dtype, Tensor)>>,
}

impl Values for Weights {
    fn read(&self, index: usize) -> Result<Option<Stored<'_>>, Fault> {
        let tensor = self.tensors[index].as_ref();
        tensor.map(|(dtype, tensor)| Ok((*dtype, tensor.read(&self.storages)?))).transpose()
    }

    fn is_changed(&self) -> bool {
        self.storages.file.is_changed()
    }
}
