//! Zip files as `torch.save` writes them since PyTorch 1.6: a pickle, and the values of each tensor as a record.

use std::io::{self, Cursor, Write};
use std::path::Path;

use memmap2::Mmap;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{Contents, Ending, Format, Wrong, foreign, pickle, pytorch};
use crate::checkpoint::{Checkpoint, element};
use crate::error::Result;

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
/// PyTorch's records begin at multiples of so many bytes, so that they can be mapped.
const ALIGNMENT: u16 = 64;

/// A first record, or the end of an archive without any.
fn sniff(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

fn open(path: &Path, bytes: Mmap) -> Result<Contents> {
    if let Some(verdict) = foreign::verdict_on_archive(&bytes) {
        return Err(foreign::error(path, verdict));
    }
    pytorch::open(path, &bytes, check)
}

/// Refuses archives that `torch.save` does not write, in which a short file could unfold into a long one.
fn check(bytes: &[u8]) -> std::result::Result<(), Wrong> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    let mut places = Vec::new();
    for index in 0..archive.len() {
        let record = archive.by_index_raw(index)?;
        if record.compression() != CompressionMethod::Stored {
            return Err("its records are compressed, which torch.save never does".into());
        }
        if record.name()?.ends_with("data.pkl") && record.size() > pytorch::LONGEST_PICKLE as u64 {
            return Err(format!("its pickle has {} bytes", record.size()).into());
        }
        let start = record.data_start().ok_or("a record is nowhere")?;
        places.push((start, start.saturating_add(record.size())));
    }
    places.sort_unstable();
    if places.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err("its records overlap".into());
    }
    Ok(())
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
    for (name, content) in [("data.pkl", pickle), ("byteorder", b"little"), ("version", b"3\n")] {
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
