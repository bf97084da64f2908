//! CheXpert as its reference trains on it: small grey images, and the lists of its three splits.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use rayon::prelude::*;

use super::{Count, stays_below};
use crate::config::Interpolation;
use crate::data::xray::gray;
use crate::data::{Table, decode, resize_shorter_side, with_forward_slashes, without_official_folder};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::{self, lock_folder, remove_temporaries, write_atomically};
use crate::job::Job;
use crate::random::numpy::RandomState;

/// Images of the training split, and again of the test split.
pub const CHEXPERT_TRAIN_SIZE: usize = 50_000;
/// Seed of the order in which `train.csv` is split.
const SPLIT_SEED: u32 = 1234;
/// Shorter side of an image, pixels; the networks see 224.
const SIDE: usize = 224;
/// JPEG quality of 100: half a grey level of mean error, measured on noise of an X-ray's size.
const QUALITY: u8 = 95;
/// The column that holds an image's path.
const PATH: &str = "Path";

/// Shrinks every image that `train.csv` and `valid.csv` of the official folder list to a shorter side of 224 pixels, and
/// writes the lists `dev.csv`, `train.0-50k.csv` and `train.50k-100k.csv` when all images are there.
///
/// An image that is small enough already is copied as it is. The training list holds the first `train_size` lines of
/// `RandomState(1234).permutation(lines of train.csv)`, the test list the next `train_size`; `dev.csv` holds all of
/// `valid.csv`. Returns the files of the small images.
///
/// # Errors
/// [`Error::Data`] if a list is missing, does not parse or is too short for a test split, and, after all others are done, if an
/// image is missing or broken; [`Error::Usage`] if both folders are one or `train_size` is 0; [`Error::Io`] and [`Error::Interrupted`].
pub fn chexpert(source: &Path, dest: &Path, train_size: usize, job: &Job) -> Result<Vec<PathBuf>> {
    if train_size == 0 {
        return Err(Error::usage("--train-size is at least 1: 0"));
    }
    let (mut train, valid) = (List::read(source, "train.csv")?, List::read(source, "valid.csv")?);
    if train.rows.len() <= train_size {
        return Err(Error::data(format!(
            "{} lists {} images and the test split starts after the first {train_size}, so it would be empty; choose fewer \
             with --train-size",
            source.join("train.csv").display(),
            train.rows.len()
        )));
    }
    let absolute = |path: &Path| path.canonicalize().ok();
    if absolute(source) == absolute(dest) {
        return Err(Error::usage(format!(
            "the images of {} would be replaced by small ones; name another folder for them",
            source.display()
        )));
    }
    let _lock = lock_folder(dest)?;
    remove_temporaries(dest);

    let images: BTreeSet<&str> = train.paths().chain(valid.paths()).collect();
    shrink_all(&images, source, dest, job)?;
    let files = images.iter().map(|image| dest.join(image)).collect();

    RandomState::new(SPLIT_SEED).shuffle(&mut train.rows);
    let rest = &train.rows[train_size..];
    valid.write(&valid.rows, dest, "dev.csv")?;
    train.write(&train.rows[..train_size], dest, "train.0-50k.csv")?;
    train.write(&rest[..rest.len().min(train_size)], dest, "train.50k-100k.csv")?;
    Ok(files)
}

/// A list of images and their labels.
struct List {
    header: StringRecord,
    /// Position of the column with the paths.
    path: usize,
    /// Paths are relative to the data set's folder.
    rows: Vec<StringRecord>,
}

impl List {
    fn read(folder: &Path, name: &str) -> Result<Self> {
        let file = folder.join(name);
        if !file.is_file() {
            return Err(Error::data(format!(
                "there is no {}; name the official CheXpert folder, which holds train.csv and valid.csv",
                file.display()
            )));
        }
        let table = Table::read(&file)?;
        let path = table.column(PATH, &file)?;
        let mut rows = Vec::new();
        for (line, row) in table.rows {
            let image = with_forward_slashes(&row[path]);
            let image = without_official_folder(&image);
            if !stays_below(Path::new(image)) {
                return Err(Error::data(format!(
                    "{}:{line} names an image outside of its folder; correct the list: {}",
                    file.display(),
                    &row[path]
                )));
            }
            rows.push(
                row.iter().enumerate().map(|(at, field)| if at == path { image } else { field }).collect(),
            );
        }
        Ok(Self { header: table.header, path, rows })
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| &row[self.path])
    }

    /// Writes some rows under this list's header.
    fn write(&self, rows: &[StringRecord], folder: &Path, name: &str) -> Result<()> {
        write_atomically(&folder.join(name), |out| {
            let mut writer = csv::Writer::from_writer(out);
            writer.write_record(&self.header)?;
            for row in rows {
                writer.write_record(row)?;
            }
            writer.flush()
        })
    }
}

/// Shrinks the images that are not there yet. One that is missing or broken does not keep the others from being done.
fn shrink_all(images: &BTreeSet<&str>, source: &Path, dest: &Path, job: &Job) -> Result<()> {
    let is_there = |image: &str| std::fs::metadata(dest.join(image)).is_ok_and(|file| file.len() > 0);
    let waiting: Vec<&str> = images.iter().copied().filter(|image| !is_there(image)).collect();
    if waiting.len() < images.len() {
        job.emit(Event::Note(format!(
            "{} of {} images are there",
            images.len() - waiting.len(),
            images.len()
        )));
    }
    let targets: Vec<_> = waiting.iter().map(|image| dest.join(image)).collect();
    for folder in targets.iter().filter_map(|target| target.parent()).collect::<BTreeSet<_>>() {
        remove_temporaries(folder);
    }
    let count = Count::new(job, "shrinking", waiting.len(), "images");
    let broken: Vec<Option<Error>> = waiting
        .par_iter()
        .zip(&targets)
        .map(|(image, target)| {
            job.check()?;
            let outcome = match shrink(&source.join(image), target) {
                Ok(()) => None,
                Err(error @ (Error::Data(_) | Error::Io { action: "read", .. })) => {
                    job.emit(Event::Note(error.to_string()));
                    Some(error)
                }
                Err(error) => return Err(error),
            };
            count.one();
            Ok(outcome)
        })
        .collect::<Result<_>>()?;
    let broken: Vec<Error> = broken.into_iter().flatten().collect();
    match broken.first() {
        None => Ok(()),
        Some(first) => Err(Error::data(format!(
            "{} of {} images are missing or broken, so no list is written; the first: {first}",
            broken.len(),
            images.len()
        ))),
    }
}

fn shrink(source: &Path, target: &Path) -> Result<()> {
    let image = decode(source)?;
    if image.width().min(image.height()) as usize <= SIDE {
        let bytes = file::read(source)?;
        return write_atomically(target, |out| out.write_all(&bytes));
    }
    let small = resize_shorter_side(&image, SIDE, Interpolation::Bilinear)?;
    let grey = gray(&small);
    write_atomically(target, |out| {
        JpegEncoder::new_with_quality(out, QUALITY)
            .encode(&grey, small.width(), small.height(), ExtendedColorType::L8)
            .map_err(io::Error::other)
    })
}
