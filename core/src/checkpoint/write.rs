//! Writing safetensors files.

use std::io::{self, Write};

use super::Checkpoint;

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
        let end = offset + 4 * tensor.data.len();
        header.insert(
            tensor.name.clone(),
            serde_json::json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end] }),
        );
        offset = end;
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    for tensor in &checkpoint.state.tensors {
        for chunk in tensor.data.chunks(1 << 14) {
            let bytes: Vec<u8> = chunk.iter().flat_map(|value| value.to_le_bytes()).collect();
            file.write_all(&bytes)?;
        }
    }
    Ok(())
}
