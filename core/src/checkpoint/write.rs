//! Writing safetensors files, and zip files as `torch.save` writes them.

use std::io::{self, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Checkpoint, NamedTensor, pickle};

/// What the reference's data-parallel wrapper puts before every name.
const WRAPPER: &str = "module.";
/// PyTorch's records begin at multiples of so many bytes, so that they can be mapped.
const ALIGNMENT: u16 = 64;

/// The format: length of the header as 8 bytes, the header as JSON padded with spaces, the values.
///
/// Written here because the `safetensors` crate orders metadata by a random hash: equal content, other bytes.
pub(super) fn safetensors(checkpoint: &Checkpoint, file: &mut dyn Write) -> io::Result<()> {
    let mut header = serde_json::Map::new();
    if !checkpoint.metadata.is_empty() {
        header.insert("__metadata__".to_owned(), serde_json::json!(checkpoint.metadata));
    }
    let mut offset = 0;
    for tensor in &checkpoint.state.tensors {
        let (dtype, size) = if tensor.is_count() { ("I64", 8) } else { ("F32", 4) };
        let end = offset + size * tensor.data.len();
        header.insert(
            tensor.name.clone(),
            serde_json::json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [offset, end] }),
        );
        offset = end;
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    checkpoint.state.tensors.iter().try_for_each(|tensor| values(tensor, file))
}

/// What the reference's training saves: the metadata, and the weights of the wrapped network as `state_dict`.
pub(super) fn training_state(checkpoint: &Checkpoint, file: &mut dyn Write) -> io::Result<()> {
    archive(checkpoint, &pickle::training_state(checkpoint, WRAPPER), file)
}

/// The weights alone.
pub(super) fn state_dict(checkpoint: &Checkpoint, file: &mut dyn Write) -> io::Result<()> {
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
        values(tensor, &mut zip)?;
    }
    zip.finish()?;
    Ok(())
}

fn values(tensor: &NamedTensor, file: &mut dyn Write) -> io::Result<()> {
    for chunk in tensor.data.chunks(1 << 14) {
        let bytes: Vec<u8> = if tensor.is_count() {
            chunk.iter().flat_map(|value| (*value as i64).to_le_bytes()).collect()
        } else {
            chunk.iter().flat_map(|value| value.to_le_bytes()).collect()
        };
        file.write_all(&bytes)?;
    }
    Ok(())
}
