//! Unpacking a zip archive that nobody vouches for: nothing lands outside of its folder, and what is there is checked.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Crc;
use zip::ZipArchive;

use super::{Count, stays_below};
use crate::error::{Error, Result};
use crate::file::open;
use crate::job::Job;

/// Bytes read at once.
const CHUNK: usize = 1 << 16;

/// How many times an archive of images may grow when it is unpacked, and what it may grow to anyhow, bytes.
const MOST_UNPACKED: u64 = 20;
const ALWAYS_UNPACKED: u64 = 64 << 20;

/// A file of the archive.
struct Entry {
    index: usize,
    target: PathBuf,
    /// Bytes, as the archive says.
    size: u64,
    /// CRC-32, as the archive says.
    crc: u32,
}

/// Unpacks the files below the folder `inner` of an archive to `folder/inner`; those that are there with the right size and
/// checksum stay. Other folders of the archive are left out.
///
/// # Errors
/// [`Error::Data`] if the archive is cut off or broken, a file of it is not what the archive says, or, before anything is
/// written, a path of it leaves its folder or is a link; [`Error::Io`], [`Error::Interrupted`].
pub(super) fn unpack_zip(archive: &Path, folder: &Path, inner: &str, job: &Job) -> Result<()> {
    let unsound = |reason: &dyn Display| {
        Error::data(format!(
            "{} is no sound zip archive: {reason}; remove it and run the same command again",
            archive.display()
        ))
    };
    let file = open(archive)?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|error| unsound(&error))?;
    let mut entries = Vec::with_capacity(zip.len());
    for index in 0..zip.len() {
        let entry = zip.by_index_data(index).map_err(|error| unsound(&error))?;
        let name = entry.name().map_err(|error| unsound(&error))?;
        // A folder may be written with a slash at its end only.
        let path = entry.enclosed_name().filter(|_| stays_below(Path::new(name.as_ref())));
        let Some(path) = path.filter(|_| !entry.is_symlink()) else {
            return Err(unsound(&format!("it holds {name}, a link or a path that leaves its folder")));
        };
        if entry.is_file() && path.starts_with(inner) {
            let (size, crc) = (entry.size(), entry.crc32());
            entries.push(Entry { index, target: folder.join(path), size, crc });
        }
    }

    let most = archive
        .metadata()
        .map_or(0, |file| file.len())
        .saturating_mul(MOST_UNPACKED)
        .saturating_add(ALWAYS_UNPACKED);
    let claimed = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
    if claimed > most {
        return Err(unsound(&format!(
            "its files claim {claimed} bytes unpacked, more than images can be packed to"
        )));
    }

    let what = format!("unpacking {}", archive.file_name().unwrap_or_default().to_string_lossy());
    let count = Count::new(job, what, entries.len(), "files");
    let mut buffer = vec![0; CHUNK];
    for Entry { index, target, size, crc } in entries {
        job.check()?;
        if !holds(&target, size, crc, &mut buffer)? {
            let mut source = zip.by_index(index).map_err(|error| unsound(&error))?;
            let parent = target.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
            let mut file = File::create(&target).map_err(Error::io("write", &target))?;
            let mut left = size;
            loop {
                // The checksum is compared at the end.
                let length = source.read(&mut buffer).map_err(|error| unsound(&error))?;
                left = left.checked_sub(length as u64).ok_or_else(|| {
                    unsound(&format!("{} is larger than the archive says", target.display()))
                })?;
                if length == 0 {
                    break;
                }
                file.write_all(&buffer[..length]).map_err(Error::io("write", &target))?;
            }
            if left > 0 {
                return Err(unsound(&format!("{} is smaller than the archive says", target.display())));
            }
        }
        count.one();
    }
    Ok(())
}

/// Whether a file is there with this size and CRC-32.
fn holds(path: &Path, size: u64, crc: u32, buffer: &mut [u8]) -> Result<bool> {
    if std::fs::metadata(path).map_or(true, |file| file.len() != size) {
        return Ok(false);
    }
    let mut file = open(path)?;
    let mut sum = Crc::new();
    loop {
        match file.read(buffer).map_err(Error::io("read", path))? {
            0 => return Ok(sum.sum() == crc),
            length => sum.update(&buffer[..length]),
        }
    }
}
