//! CIFAR-10 in its binary version, from its official site or a file.

use std::collections::BTreeSet;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::Count;
use super::download::download;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::{file_digest, lock_folder, open, remove_temporaries, write_atomically};
use crate::job::Job;

const ADDRESS: &str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";
/// SHA-256 of the archive of 170,052,171 bytes whose MD5 the site gives as c32a1d4ab5d03f1284b67883e8d87530.
const ARCHIVE_DIGEST: &str = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd";
const FOLDER: &str = "cifar-10-batches-bin";
/// 10,000 records of a label and 32 x 32 x 3 levels.
const BATCH_BYTES: u64 = 10_000 * (1 + 32 * 32 * 3);
const BATCHES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];
/// Names of the classes, a line each.
const CLASSES: &str = "batches.meta.txt";
/// More than the names of ten classes take.
const MAX_CLASSES_BYTES: u64 = 1 << 16;

/// Downloads CIFAR-10, or takes the archive `from`, and unpacks it to `dest/cifar-10-batches-bin`.
///
/// A downloaded archive is removed when its files are there.
///
/// # Errors
/// [`Error::Run`] if the download fails, [`Error::Data`] if the archive is not the official one, [`Error::Io`],
/// [`Error::Interrupted`].
pub fn cifar10(dest: &Path, from: Option<&Path>, job: &Job) -> Result<()> {
    let _lock = lock_folder(dest)?;
    let folder = dest.join(FOLDER);
    remove_temporaries(&folder);
    remove_temporaries(dest);
    if missing(&folder).is_empty() {
        job.emit(Event::Note(format!("all files are there: {}", folder.display())));
        return Ok(());
    }
    let downloaded = dest.join("cifar-10-binary.tar.gz");
    let archive = from.unwrap_or(&downloaded);
    if from.is_none() && !archive.is_file() {
        download(ADDRESS, archive, Some(ARCHIVE_DIGEST), job)?;
    }
    let digest = file_digest(archive)?;
    if digest != ARCHIVE_DIGEST {
        return Err(Error::data(format!(
            "{} is not the official cifar-10-binary.tar.gz, whose SHA-256 is {ARCHIVE_DIGEST}; remove it and fetch {ADDRESS} \
             again: {digest}",
            archive.display()
        )));
    }
    unpack(archive, &folder, job)?;
    if from.is_none() {
        std::fs::remove_file(archive).map_err(Error::io("remove", archive))?;
    }
    Ok(())
}

/// The files that are not there in full.
fn missing(folder: &Path) -> BTreeSet<&'static str> {
    let length = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    let batches = BATCHES.into_iter().filter(|name| length(name) != BATCH_BYTES);
    batches.chain([CLASSES].into_iter().filter(|name| length(name) == 0)).collect()
}

/// Unpacks the files that are missing; whatever else an archive holds is left in it.
fn unpack(archive: &Path, folder: &Path, job: &Job) -> Result<()> {
    let unsound = |reason: &dyn std::fmt::Display| {
        Error::data(format!("{} is no sound CIFAR-10 archive: {reason}; fetch it again", archive.display()))
    };
    let mut missing = missing(folder);
    let count = Count::new(job, "unpacking CIFAR-10", missing.len(), "files");
    let file = open(archive)?;
    let mut tar = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
    for entry in tar.entries().map_err(|error| unsound(&error))? {
        job.check()?;
        let mut entry = entry.map_err(|error| unsound(&error))?;
        let path = entry.path().map_err(|error| unsound(&error))?.into_owned();
        let Some(name) = missing.iter().copied().find(|name| path == Path::new(FOLDER).join(name)) else {
            continue;
        };
        let fits = if name == CLASSES {
            (1..MAX_CLASSES_BYTES).contains(&entry.size())
        } else {
            entry.size() == BATCH_BYTES
        };
        if !fits {
            return Err(unsound(&format!("{name} has {} bytes", entry.size())));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| unsound(&error))?;
        write_atomically(&folder.join(name), |out| out.write_all(&bytes))?;
        missing.remove(name);
        count.one();
    }
    match missing.first() {
        None => Ok(()),
        Some(name) => Err(unsound(&format!("it lacks {name}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Choice;
    use crate::job::Stop;

    /// An archive of files with these names and sizes, and of one that belongs nowhere.
    fn archive(path: &Path, files: &[(&str, u64)]) {
        let gz =
            flate2::write::GzEncoder::new(std::fs::File::create(path).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        for (name, size) in files.iter().chain([&("elsewhere/evil", 3)]) {
            let mut header = tar::Header::new_gnu();
            header.set_size(*size);
            header.set_mode(0o600);
            tar.append_data(&mut header, name, std::io::repeat(b'x').take(*size)).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
    }

    #[test]
    fn only_its_own_files_of_the_right_size_are_unpacked() {
        let here = tempfile::tempdir().unwrap();
        let (path, folder) = (here.path().join("a.tar.gz"), here.path().join(FOLDER));
        let job =
            Job { device: Choice::Cpu.open().unwrap(), others: &[], emit: &|_| (), stop: &Stop::default() };
        let names: Vec<String> =
            BATCHES.iter().chain([&CLASSES]).map(|name| format!("{FOLDER}/{name}")).collect();
        let mut files: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), BATCH_BYTES)).collect();
        files[6].1 = 61;

        archive(&path, &files[1..]);
        let error = unpack(&path, &folder, &job).unwrap_err().to_string();
        assert!(error.contains("it lacks data_batch_1.bin"), "{error}");
        files[0].1 = 10;
        archive(&path, &files);
        let error = unpack(&path, &folder, &job).unwrap_err().to_string();
        assert!(error.contains("data_batch_1.bin has 10 bytes"), "{error}");
        files[0].1 = BATCH_BYTES;
        archive(&path, &files[..1]);
        unpack(&path, &folder, &job).unwrap();
        assert!(missing(&folder).is_empty());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 7);
        assert!(!here.path().join("elsewhere").exists());
    }
}
