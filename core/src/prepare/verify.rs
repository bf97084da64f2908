//! Looking for images that are missing, empty or broken.

use std::collections::HashSet;
use std::path::PathBuf;

use rayon::prelude::*;

use super::Count;
use crate::config::Data;
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
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

/// Decodes every image of both splits of a data set once, whatever subset the settings ask for.
///
/// # Errors
/// Those of [`Dataset::list`] if a list itself is missing or broken, and [`Error::Interrupted`].
pub fn verify(data: &Data, job: &Job) -> Result<Verified> {
    let mut data = data.clone();
    data.configs.subsample = None;
    let (mut seen, mut found) = (HashSet::new(), Verified { images: 0, broken: Vec::new() });
    for split in [Split::Train, Split::Test] {
        let dataset = Dataset::list(&data, split)?;
        let samples: Vec<usize> =
            (0..dataset.len()).filter(|&sample| seen.insert(dataset.id(sample).to_owned())).collect();
        let count = Count::new(job, format!("looking at {} images", split.name()), samples.len(), "images");
        let broken: Vec<Option<Broken>> = samples
            .par_iter()
            .map(|&sample| {
                job.check()?;
                let broken = dataset
                    .image(sample)
                    .err()
                    .map(|error| Broken { path: dataset.path(sample), reason: error.to_string() });
                count.one();
                Ok::<_, Error>(broken)
            })
            .collect::<Result<_>>()?;
        found.images += samples.len();
        found.broken.extend(broken.into_iter().flatten());
    }
    Ok(found)
}
