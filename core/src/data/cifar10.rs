//! CIFAR-10 (Krizhevsky 2009) in its binary form: 32 x 32 images of ten classes, 10,000 in each file.

use std::path::Path;

use image::RgbImage;

use super::sample::{Sample, Split, subset};
use crate::config::DataConfigs;
use crate::error::{Error, Result};

/// Number of classes.
pub(super) const CLASSES: usize = 10;
/// Side of an image, pixels.
const SIDE: usize = 32;
/// A label, then the red, green and blue plane, row by row.
const RECORD: usize = 1 + 3 * SIDE * SIDE;
/// Images in a file.
const IMAGES: usize = 10_000;

/// The files of a split in memory, and their samples.
pub(super) struct Images {
    pub samples: Vec<Sample>,
    pub records: Records,
}

/// Labels and pixels of the images, in order.
#[derive(Debug)]
pub(super) struct Records(Vec<Vec<u8>>);

impl Records {
    /// The images at these positions.
    pub fn select(self, positions: &[usize]) -> Self {
        Self(positions.iter().map(|at| self.0[*at].clone()).collect())
    }

    /// The image at a position, `[32, 32, 3]`.
    pub fn image(&self, at: usize) -> RgbImage {
        let planes = &self.0[at][1..];
        RgbImage::from_fn(SIDE as u32, SIDE as u32, |x, y| {
            let pixel = y as usize * SIDE + x as usize;
            image::Rgb([0, 1, 2].map(|channel| planes[channel * SIDE * SIDE + pixel]))
        })
    }
}

/// Reads a split below `<data_dir>/cifar-10-batches-bin`.
pub(super) fn open(configs: &DataConfigs, split: Split) -> Result<Images> {
    let folder = Path::new(&configs.data_dir).join("cifar-10-batches-bin");
    let files: &[&str] = match split {
        Split::Train | Split::EvalTrain => {
            &["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"]
        }
        Split::Test | Split::Dev => &["test_batch"],
    };
    let mut images = Vec::new();
    for name in files {
        let path = folder.join(format!("{name}.bin"));
        if !path.is_file() {
            return Err(Error::data(format!(
                "there is no {}; `runner prepare cifar10 FOLDER` fetches it, so set the folder with \
                 --set data.configs.data_dir=FOLDER",
                path.display()
            )));
        }
        let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
        let mut records = bytes.chunks(RECORD);
        if bytes.len() != IMAGES * RECORD || records.clone().any(|record| record[0] >= CLASSES as u8) {
            return Err(Error::data(format!(
                "{} is no file of CIFAR-10 ({} bytes instead of {}, or a label above 9); prepare it again",
                path.display(),
                bytes.len(),
                IMAGES * RECORD
            )));
        }
        let sample =
            |at: usize, record: &[u8]| Sample { id: format!("{name}/{at:04}"), label: record[0].into() };
        images.extend((0..).zip(records.by_ref()).map(|(at, record)| (sample(at, record), record.to_vec())));
    }
    let (samples, records) = subset(images, configs.subsample).into_iter().unzip();
    Ok(Images { samples, records: Records(records) })
}
