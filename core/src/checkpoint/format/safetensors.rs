//! Safetensors files: the header's length as 8 bytes, the header as JSON, the values.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors};

use super::{Contents, Ending, Fault, Format, OWN_ENDING, Stored, Values, damaged};
use crate::checkpoint::{Checkpoint, TensorInfo, element};
use crate::file::Mapped;

pub(super) static FORMAT: Format = Format {
    name: "safetensors",
    kind: KIND,
    endings: &[Ending { suffix: OWN_ENDING, holds: "tensors and metadata", write }],
    sniff,
    open,
};

const KIND: &str = "safetensors file";
/// Longest header that the format allows, in bytes.
const LONGEST_HEADER: u64 = 100_000_000;

fn sniff(bytes: &[u8]) -> bool {
    let Some((length, header)) = bytes.split_first_chunk::<8>() else { return false };
    u64::from_le_bytes(*length) <= LONGEST_HEADER && header.trim_ascii_start().starts_with(b"{")
}

fn open(_: &Path, bytes: Mapped, part: Option<&str>) -> Result<Contents, Fault> {
    if let Some(part) = part {
        return Err(Fault::Unfit(format!("has no part {part}: safetensors files have none; leave it out")));
    }
    let (length, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    let start = size_of::<u64>() + length;
    let (mut tensors, mut ranges) = (Vec::new(), Vec::new());
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else { continue };
        ranges.push((info.dtype, start + info.data_offsets.0..start + info.data_offsets.1));
        let is_read = element::is_read(info.dtype);
        tensors.push(TensorInfo {
            name,
            dtype: element::name(info.dtype),
            shape: info.shape.clone(),
            is_read,
        });
    }
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let (part, parts) = Default::default();
    Ok(Contents { metadata, tensors, values: Box::new(Tensors { bytes, ranges }), part, parts })
}

/// A file's bytes, and where those of each tensor are.
#[derive(Debug)]
struct Tensors {
    bytes: Mapped,
    ranges: Vec<(Dtype, Range<usize>)>,
}

impl Values for Tensors {
    fn read(&self, index: usize) -> Result<Option<Stored<'_>>, Fault> {
        let (dtype, range) = &self.ranges[index];
        Ok(Some((*dtype, Cow::Borrowed(&self.bytes[range.clone()]))))
    }

    fn is_changed(&self) -> bool {
        self.bytes.is_changed()
    }
}

fn write(checkpoint: &Checkpoint, file: &mut dyn Write) -> io::Result<()> {
    let tensors = checkpoint.state.tensors.iter().map(|tensor| {
        let dtype = if tensor.is_count() { Dtype::I64 } else { Dtype::F32 };
        (tensor.name.as_str(), dtype, tensor.shape.as_slice())
    });
    write_header(&checkpoint.metadata, tensors, file)?;
    checkpoint.state.tensors.iter().try_for_each(|tensor| element::write(tensor, file))
}

/// Writes what stands before the values of tensors of these names, types and shapes, which follow in this order.
///
/// Written here because the `safetensors` crate orders metadata by a random hash: equal content, other bytes. The header is
/// padded with spaces to a multiple of 8 bytes.
pub(crate) fn write_header<'a>(
    metadata: &BTreeMap<String, String>,
    tensors: impl Iterator<Item = (&'a str, Dtype, &'a [usize])>,
    file: &mut dyn Write,
) -> io::Result<()> {
    let mut header = serde_json::Map::new();
    if !metadata.is_empty() {
        header.insert("__metadata__".to_owned(), serde_json::json!(metadata));
    }
    let mut offset = 0;
    for (name, dtype, shape) in tensors {
        let end = offset + shape.iter().product::<usize>() * dtype.bitsize() / 8;
        let about = serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [offset, end] });
        header.insert(name.to_owned(), about);
        offset = end;
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)
}
