//! Zip files as `torch.save` writes them since PyTorch 1.6: a pickle, and the values of each tensor as a record.

mod directory;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::pytorch::{self, Storage, Storages};
use super::{Contents, Ending, Fault, Format, archive, damaged, pickle};
use crate::checkpoint::{Checkpoint, element};
use crate::file::Mapped;

pub(super) static FORMAT: Format = Format {
    name: "PyTorch",
    kind: pytorch::KIND,
    endings: &[
        Ending {
            suffix: ".pth.tar",
            holds: "what the reference trains from, a dictionary of the metadata and a state_dict whose names begin with \"module.\"",
            write: training_state,
        },
        Ending { suffix: ".pth", holds: BARE, write: state_dict },
        Ending { suffix: ".pt", holds: BARE, write: state_dict },
    ],
    sniff,
    open,
};

/// What torchvision publishes.
const BARE: &str = "a bare state dict without metadata, as torchvision loads it";
/// What the reference's data-parallel wrapper puts before every name.
const WRAPPER: &str = "module.";
/// The record that describes the tensors.
const PICKLE: &str = "data.pkl";
/// Methods of packing.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// PyTorch's records begin at multiples of so many bytes, so that they can be mapped.
const ALIGNMENT: u16 = 64;

/// A first record, or the end of an archive without any.
fn sniff(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

fn open(_: &Path, bytes: Mapped, part: Option<&str>) -> Result<Contents, Fault> {
    let entries = directory::entries(&bytes)?;
    if let Some(verdict) = archive::verdict(entries.iter().map(|entry| &*entry.name)) {
        return Err(Fault::Unfit(verdict.to_owned()));
    }
    let file = Arc::new(bytes);
    let root = entries.iter().find_map(|entry| root(&entry.name)).unwrap_or_default().to_owned();
    let mut records = HashMap::new();
    let mut unpacked = 0usize;
    for entry in entries {
        let Some(name) = entry.name.strip_prefix(&root) else { continue };
        let is_deflated = match (entry.method, entry.is_encrypted) {
            (STORED, false) => false,
            (DEFLATED, false) => true,
            _ => {
                return Err(Fault::Unfit(
                    "is encrypted or packed by another method; save it again".to_owned(),
                ));
            }
        };
        if !is_deflated && entry.length != entry.place.len() {
            return Err(damaged(format!("record {name} has two lengths")));
        }
        unpacked = unpacked.saturating_add(entry.length);
        records.insert(name.to_owned(), Storage { place: entry.place, length: entry.length, is_deflated });
    }
    if unpacked > pytorch::most_bytes(file.len()) {
        return Err(damaged(format!("its records claim {unpacked} bytes and the file has {}", file.len())));
    }
    let record = |name: &str| match records.get(name) {
        Some(record) => pytorch::unpacked(&file, record).map(Some),
        None => Ok(None),
    };
    let order = record("byteorder")?;
    let big_endian = order.is_some_and(|order| order.trim_ascii() == b"big");
    let pickle = record(PICKLE)?.ok_or_else(|| damaged("it has no data.pkl"))?;
    let graph = pytorch::read(&pickle, pytorch::memory(file.len()))?;
    let numbers = records
        .into_iter()
        .filter_map(|(name, record)| Some((name.strip_prefix("data/")?.to_owned(), record)));
    let storages = Storages { file: Arc::clone(&file), records: numbers.collect(), big_endian };
    pytorch::contents(&graph, storages, part)
}

/// The folder of the archive in which a pickle lies, with its slash.
fn root(name: &str) -> Option<&str> {
    name.strip_suffix(PICKLE).filter(|root| root.is_empty() || root.ends_with('/'))
}

/// What the reference's training saves: the metadata, and the weights of the wrapped network as `state_dict`.
fn training_state(checkpoint: &Checkpoint, file: &mut dyn Write) -> io::Result<()> {
    archive(checkpoint, &pickle::training_state(checkpoint, WRAPPER), file)
}

/// The weights alone.
fn state_dict(checkpoint: &Checkpoint, file: &mut dyn Write) -> io::Result<()> {
    archive(checkpoint, &pickle::state_dict(&checkpoint.state.tensors), file)
}

/// The pickle, and the values of tensor N as `data/N`.
fn archive(checkpoint: &Checkpoint, pickle: &[u8], file: &mut dyn Write) -> io::Result<()> {
    let mut zip = ZipWriter::new_stream(file);
    let stored =
        SimpleFileOptions::default().compression_method(CompressionMethod::Stored).with_alignment(ALIGNMENT);
    for (name, content) in [(PICKLE, pickle), ("byteorder", b"little"), ("version", b"3\n")] {
        zip.start_file(format!("archive/{name}"), stored)?;
        zip.write_all(content)?;
    }
    for (index, tensor) in checkpoint.state.tensors.iter().enumerate() {
        let large = 8 * tensor.data.len() as u64 >= u64::from(u32::MAX);
        zip.start_file(format!("archive/data/{index}"), stored.large_file(large))?;
        element::write(tensor, &mut zip)?;
    }
    zip.finish()?;
    Ok(())
}
