//! Tar files, as `torch.save` wrote them before PyTorch 0.1.10 (`legacy_load` in `torch/serialization.py` reads them): storages,
//! tensors as views of them, and a pickle that names tensors by number.

use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tar::{Archive, EntryType};

use super::pytorch::{self, Graph, Storage, StorageId, Storages, Value, View};
use super::{Contents, Fault, Format, damaged};
use crate::file::Mapped;

pub(super) static FORMAT: Format =
    Format { name: "PyTorch before 0.1.10", kind: pytorch::KIND, endings: &[], sniff, open };

fn sniff(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

fn open(_: &Path, bytes: Mapped, part: Option<&str>) -> Result<Contents, Fault> {
    let file = Arc::new(bytes);
    let files = files(&file)?;
    let of = |name: &str| {
        let place = files.get(name).cloned();
        place.ok_or_else(|| {
            Fault::Unfit("is a tar archive without a checkpoint of torch.save; unpack it and choose the checkpoint in it".to_owned())
        })
    };
    let (storages, tensors, pickle) = (of("storages")?, of("tensors")?, of("pickle")?);

    let mut reading = Reading { file: &file, at: storages.start, end: storages.end };
    let mut records = HashMap::new();
    let mut ids = HashMap::new();
    for _ in 0..reading.count()? {
        let about = reading.pickle()?;
        let [key, _, class] = about.items(about.root) else { return Err(cut()) };
        let element = pytorch::element_of_storage(&about, *class).ok_or_else(cut)?;
        let count = reading.length()?;
        let place = reading.take(count.checked_mul(element.size).ok_or_else(cut)?)?;
        let key = integer(*key)?;
        records.insert(key.to_string(), Storage { length: place.len(), place, is_deflated: false });
        ids.insert(key, StorageId { key: key.to_string(), element: Some(element), offset: 0 });
    }
    let views = reading.pickle()?;
    for view in views.items(views.root) {
        let [view, whole, offset, _] = views.items(*view) else { return Err(cut()) };
        let whole = ids.get(&integer(*whole)?).ok_or_else(cut)?;
        let offset = usize::try_from(integer(*offset)?).map_err(|_| cut())?;
        ids.insert(integer(*view)?, StorageId { offset, ..whole.clone() });
    }

    let mut reading = Reading { file: &file, at: tensors.start, end: tensors.end };
    let mut known = HashMap::new();
    for _ in 0..reading.count()? {
        let about = reading.pickle()?;
        let [key, storage, _] = about.items(about.root) else { return Err(cut()) };
        let storage = ids.get(&integer(*storage)?).ok_or_else(cut)?.clone();
        // The number of axes takes eight bytes, of which four count.
        let axes = reading.length()? & 0xffff_ffff;
        let mut lengths = |count: usize| (0..count).map(|_| reading.length()).collect::<Result<Vec<_>, _>>();
        let (shape, strides) = (lengths(axes)?, lengths(axes)?);
        let offset = reading.length()?;
        known.insert(integer(*key)?, View::new(storage, offset, shape, strides)?);
    }

    let mut graph = pytorch::read(&file[pickle], pytorch::memory(file.len()))?;
    graph.known = known;
    pytorch::contents(&graph, Storages { file: Arc::clone(&file), records, big_endian: false }, part)
}

/// Where each file of an archive is.
fn files(bytes: &[u8]) -> Result<HashMap<String, Range<usize>>, Fault> {
    let mut files = HashMap::new();
    for entry in Archive::new(Cursor::new(bytes)).entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let start = usize::try_from(entry.raw_file_position()).map_err(damaged)?;
        let end = usize::try_from(entry.size()).ok().and_then(|size| start.checked_add(size));
        let end = end.filter(|end| *end <= bytes.len()).ok_or_else(cut)?;
        // One of another type may be all holes.
        if entry.header().entry_type() == EntryType::Regular {
            let name = entry.path_bytes();
            files.insert(String::from_utf8_lossy(&name).trim_start_matches("./").to_owned(), start..end);
        }
    }
    Ok(files)
}

/// Pickles and numbers one after the other.
struct Reading<'a> {
    file: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reading<'a> {
    fn pickle(&mut self) -> Result<Graph<'a>, Fault> {
        let graph = pytorch::read(&self.file[self.at..self.end], pytorch::memory(self.file.len()))?;
        self.at += graph.length;
        Ok(graph)
    }

    fn count(&mut self) -> Result<i64, Fault> {
        integer(self.pickle()?.root)
    }

    fn take(&mut self, length: usize) -> Result<Range<usize>, Fault> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.end).ok_or_else(cut)?;
        Ok(std::mem::replace(&mut self.at, end)..end)
    }

    /// A length in eight bytes.
    fn length(&mut self) -> Result<usize, Fault> {
        let place = self.take(size_of::<i64>())?;
        let (number, _) = self.file[place].split_first_chunk().ok_or_else(cut)?;
        usize::try_from(i64::from_le_bytes(*number)).map_err(|_| cut())
    }
}

fn integer(value: Value) -> Result<i64, Fault> {
    match value {
        Value::Int(number) => Ok(number),
        _ => Err(cut()),
    }
}

fn cut() -> Fault {
    damaged("its storages or tensors are not whole")
}
