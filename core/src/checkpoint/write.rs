//! Writing files so that a reader finds the old one or the new one, and never a part.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Checkpoint;
use crate::error::{Error, Result};

/// Creates the folder, writes a temporary file in it, syncs it, and gives it the name.
///
/// # Errors
/// [`Error::Io`] naming the file; the temporary file is removed then.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let named = Error::io("write", path);
    let try_all = || {
        let mut temporary = tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(folder)?;
        let mut buffer = BufWriter::with_capacity(1 << 20, temporary.as_file_mut());
        write(&mut buffer)?;
        buffer.flush()?;
        drop(buffer);
        set_usual_permissions(temporary.as_file())?;
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    try_all().map_err(named)
}

/// Temporary files are for their owner alone; results are for the group and others to read.
fn set_usual_permissions(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

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
