//! Files that `torch.save` wrote before PyTorch 1.6, and still writes with `_use_new_zipfile_serialization=False`: five pickles,
//! then the values.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::pytorch::{self, Graph, Storage, Storages, Value};
use super::{Contents, Fault, Format, damaged};
use crate::file::Mapped;

pub(super) static FORMAT: Format =
    Format { name: "PyTorch before 1.6", kind: pytorch::KIND, endings: &[], sniff, open };

/// The number 0x1950a86a20f9469cfc6c, which the first pickle holds: in bytes since pickle's protocol 2, before that in digits.
const MAGIC: [&[u8]; 2] =
    [&[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19], b"119547037146038801333356"];
/// The number begins and ends within so many bytes, whatever the protocol puts before it.
const WITHIN: usize = 64;

fn sniff(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(WITHIN)];
    MAGIC.iter().any(|magic| start.windows(magic.len()).any(|window| window == *magic))
}

fn open(_: &Path, bytes: Mapped, part: Option<&str>) -> Result<Contents, Fault> {
    let file = Arc::new(bytes);
    let mut pickles = Pickles { file: &file, at: 0 };
    // The magic number, the version, and the system that wrote it: numbers are little-endian whatever it was.
    for _ in 0..3 {
        pickles.next()?;
    }
    let saved = pickles.next()?;
    let order = pickles.next()?;
    let sizes = pytorch::sizes(&saved);
    let mut at = pickles.at;
    let mut records = HashMap::new();
    for key in order.items(order.root) {
        let Value::Text(key) = key else { return Err(damaged("a storage has no name")) };
        let key = order.text(*key).into_owned();
        let Some(size) = sizes.get(&key) else {
            return Err(Fault::Unfit(format!(
                "holds numbers of an unknown type in storage {key}; save it with torch.save of PyTorch 1.6 or later"
            )));
        };
        let place = || {
            let (count, rest) = file.get(at..)?.split_first_chunk()?;
            let length = usize::try_from(i64::from_le_bytes(*count)).ok()?.checked_mul(*size)?;
            let start = at + size_of::<i64>();
            (length <= rest.len()).then(|| start..start + length)
        };
        let place = place().ok_or_else(|| damaged(format!("storage {key} is not whole")))?;
        at = place.end;
        records.insert(key, Storage { length: place.len(), place, is_deflated: false });
    }
    pytorch::contents(&saved, Storages { file: Arc::clone(&file), records, big_endian: false }, part)
}

/// Pickles one after the other.
struct Pickles<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Pickles<'a> {
    fn next(&mut self) -> Result<Graph<'a>, Fault> {
        let graph = pytorch::read(&self.file[self.at..], pytorch::memory(self.file.len()))?;
        self.at += graph.length;
        Ok(graph)
    }
}
