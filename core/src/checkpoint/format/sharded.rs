//! The index of weights in several files, as Transformers and Diffusers write it: JSON whose `weight_map` names the file of each
//! tensor, in the same folder.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;

use serde::Deserialize;

use super::{Contents, Fault, Format, Stored, Values, of_content};
use crate::error;
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
    let index = read(&bytes)?;
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

/// The names of the files that an index needs beside it.
///
/// # Errors
/// [`error::Error::Data`] naming the index if it is none, or if it names a file that would not lie beside it; [`error::Error::Io`].
pub(crate) fn shards(index: &Path) -> error::Result<BTreeSet<String>> {
    let names = |bytes: &[u8]| {
        let names: BTreeSet<String> = read(bytes)?.weight_map.into_values().collect();
        names.iter().try_for_each(|name| check(name)).map(|()| names)
    };
    names(&file::read(index)?).map_err(|fault| fault.error(index, FORMAT.kind))
}

fn read(bytes: &[u8]) -> Result<Index, Fault> {
    serde_json::from_slice(bytes).map_err(|error| {
        Fault::Unfit(format!("is an index whose JSON is wrong ({error}); download it again"))
    })
}

/// Checks that a name leads to a file beside the index.
fn check(name: &str) -> Result<(), Fault> {
    match Path::new(name).file_name() == Some(OsStr::new(name)) {
        true => Ok(()),
        false => Err(Fault::Unfit(format!("names {name}, which is no file beside it; download it again"))),
    }
}

/// Opens a file beside the index.
fn shard(index: &Path, name: &str, part: Option<&str>) -> Result<Contents, Fault> {
    check(name)?;
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
