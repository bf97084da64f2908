//! The index of weights in several files, as Transformers and Diffusers write it: JSON whose `weight_map` names the file of each
//! tensor, in the same folder.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use serde::Deserialize;

use super::{Contents, Fault, Format, Stored, Values, of_content};
use crate::file::{self, Mapped};

pub(super) static FORMAT: Format =
    Format { name: "sharded checkpoint", kind: "index of a sharded checkpoint", endings: &[], sniff, open };

/// The word by which an index is known, which stands behind all metadata.
const MAP: &[u8] = b"\"weight_map\"";
/// Longest index that is looked at, in bytes: that of a model with a million tensors.
const LONGEST: usize = 100_000_000;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

fn sniff(bytes: &[u8]) -> bool {
    bytes.len() < LONGEST
        && bytes.trim_ascii_start().starts_with(b"{")
        && bytes.windows(MAP.len()).any(|window| window == MAP)
}

fn open(path: &Path, bytes: Mapped, part: Option<&str>) -> Result<Contents, Fault> {
    let index: Index = serde_json::from_slice(&bytes).map_err(|error| {
        Fault::Unfit(format!("is an index whose JSON is wrong ({error}); download it again"))
    })?;
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tensor, file) in &index.weight_map {
        files.entry(file).or_default().push(tensor);
    }
    let (mut tensors, mut places, mut shards) = (Vec::new(), Vec::new(), Vec::new());
    for (name, names) in files {
        let contents = shard(path, name, part)?;
        for tensor in names {
            let position = contents.tensors.iter().position(|known| known.name == tensor);
            let position = position.ok_or_else(|| {
                Fault::Unfit(format!(
                    "says that {tensor} is in {name}, which has no such tensor; download both again"
                ))
            })?;
            tensors.push(contents.tensors[position].clone());
            places.push((shards.len(), position));
        }
        shards.push(contents.values);
    }
    let (metadata, part, parts) = Default::default();
    Ok(Contents { metadata, tensors, values: Box::new(Shards { shards, places }), part, parts })
}

/// Opens a file beside the index.
fn shard(index: &Path, name: &str, part: Option<&str>) -> Result<Contents, Fault> {
    if Path::new(name).file_name() != Some(OsStr::new(name)) {
        return Err(Fault::Unfit(format!("names {name}, which is no file beside it; download it again")));
    }
    let path = index.with_file_name(name);
    let bytes = file::map(&path).map_err(|error| Fault::Unfit(format!("needs {name}: {error}")))?;
    let format = of_content(&bytes).filter(|format| format.name != FORMAT.name);
    let format = format
        .ok_or_else(|| Fault::Unfit(format!("names {name}, which is no checkpoint; download it again")))?;
    (format.open)(&path, bytes, part)
        .map_err(|fault| Fault::Unfit(format!("needs {name}: {}", fault.error(&path, format.kind))))
}

/// The values of several files.
#[derive(Debug)]
struct Shards {
    shards: Vec<Box<dyn Values>>,
    /// Of each tensor: which file, and its position there.
    places: Vec<(usize, usize)>,
}

impl Values for Shards {
    fn read(&self, index: usize) -> Result<Option<Stored<'_>>, Fault> {
        let (shard, position) = self.places[index];
        self.shards[shard].read(position)
    }

    fn is_changed(&self) -> bool {
        self.shards.iter().any(|shard| shard.is_changed())
    }
}
