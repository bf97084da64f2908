//! Looking for images that are missing, empty or broken.

use std::collections::HashSet;
use std::path::PathBuf;

use rayon::prelude::*;

use super::Count;
use crate::config::Data;
use crate::data::{Dataset, RgbImage, decode, source};
use crate::error::Result;
use crate::job::Job;

/// What was found in a data set.
#[derive(Debug)]
pub struct Verified {
    /// Images that were decoded.
    pub images: usize,
    /// Those that cannot be, in the order of the lists.
    pub broken: Vec<Broken>,
}

/// An image that cannot be decoded.
#[derive(Debug)]
pub struct Broken {
    /// Its file.
    pub path: PathBuf,
    /// Why, as a sentence.
    pub reason: String,
}

/// Decodes every image of all splits of a data set once, whatever subset the settings ask for.
///
/// # Errors
/// Those of [`Dataset::list`] for a name that is no data set or a list that is missing or broken, and [`Error::Interrupted`](crate::error::Error::Interrupted).
pub fn verify(data: &Data, job: &Job) -> Result<Verified> {
    let mut data = data.clone();
    data.configs.subsample = None;
    let (mut seen, mut found) = (HashSet::new(), Verified { images: 0, broken: Vec::new() });
    for split in source(&data.name)?.splits() {
        let dataset = Dataset::list(&data, *split)?;
        let samples: Vec<usize> =
            (0..dataset.len()).filter(|&sample| seen.insert(dataset.id(sample).to_owned())).collect();
        let images = samples.par_iter().map(|&sample| (dataset.path(sample), dataset.image(sample)));
        found.images += samples.len();
        found.broken.extend(broken(images, job)?);
    }
    Ok(found)
}

/// Decodes image files.
///
/// # Errors
/// [`Error::Interrupted`](crate::error::Error::Interrupted).
pub fn verify_files(files: &[PathBuf], job: &Job) -> Result<Verified> {
    let images = files.par_iter().map(|file| (file.clone(), decode(file)));
    Ok(Verified { images: files.len(), broken: broken(images, job)? })
}

/// Those of the images that cannot be decoded.
fn broken(
    images: impl IndexedParallelIterator<Item = (PathBuf, Result<RgbImage>)>,
    job: &Job,
) -> Result<Vec<Broken>> {
    let count = Count::new(job, "verifying", images.len(), "images");
    let broken: Vec<Option<Broken>> = images
        .map(|(path, image)| {
            job.check()?;
            count.one();
            Ok(image.err().map(|error| Broken { path, reason: error.to_string() }))
        })
        .collect::<Result<_>>()?;
    Ok(broken.into_iter().flatten().collect())
}
