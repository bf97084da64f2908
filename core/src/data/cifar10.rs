//! CIFAR-10 (Krizhevsky 2009) in its binary form: 32 x 32 images of ten classes, 10,000 in each file.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;

use super::index::{Files, Index, Sample, subset};
use super::photograph::{Photograph, RandomCrop, Statistics};
use super::pixels::Pixels;
use super::source::{DataSource, Download, missing};
use super::split::Split;
use super::transform::{Input, Transform};
use crate::config::Data;
use crate::error::{Error, Result};
use crate::file;

/// Of the training images, as the reference has them.
const STATISTICS: Statistics =
    Statistics { mean: [0.4914, 0.4822, 0.4465], deviation: [0.2470, 0.2435, 0.2616] };
/// Number of classes.
const CLASSES: usize = 10;
/// Side of an image, pixels.
const SIDE: usize = 32;
/// A label, then the red, green and blue plane, row by row.
const RECORD: usize = 1 + 3 * SIDE * SIDE;
/// Images in a file.
const IMAGES: usize = 10_000;

/// The data set.
pub(super) struct Cifar10;

impl DataSource for Cifar10 {
    fn name(&self) -> &'static str {
        "CIFAR10"
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(STATISTICS)
    }

    fn transform(&self, input: Input) -> Arc<dyn Transform> {
        Arc::new(Photograph::new(&input, RandomCrop::Shifted, STATISTICS))
    }

    fn needs(&self) -> Option<String> {
        Some("`runner prepare cifar10 FOLDER` fetches it, and --download does so before training".to_owned())
    }

    fn download(&self) -> Option<Download> {
        Some(Download::Cifar10)
    }

    /// Reads the files below `<data_dir>/cifar-10-batches-bin`, which are whole or an error, into memory.
    fn open(&self, data: &Data, split: Split, _files: Files) -> Result<Index> {
        let folder = Path::new(&data.configs.data_dir).join("cifar-10-batches-bin");
        let names: &[&str] = match split {
            Split::Train | Split::EvalTrain => {
                &["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"]
            }
            Split::Test | Split::Dev => &["test_batch"],
        };
        let mut records = Vec::new();
        for name in names {
            let path = folder.join(format!("{name}.bin"));
            if !path.is_file() {
                return Err(Error::data(missing(self, &path)));
            }
            let bytes = read_file(&path)?;
            let named = |(at, record): (usize, &[u8])| (format!("{name}/{at:04}"), record.to_vec());
            records.extend(bytes.chunks_exact(RECORD).enumerate().map(named));
        }
        let sample =
            |(id, record): (String, Vec<u8>)| (Sample { id, label: record[0].into() }, image(&record[1..]));
        let (samples, images) = subset(records, data.configs.subsample).into_iter().map(sample).unzip();
        Ok(Index { samples, outputs: CLASSES, pixels: Pixels::images(images) })
    }
}

/// The records of a file.
fn read_file(path: &Path) -> Result<Vec<u8>> {
    let bytes = file::read(path)?;
    if bytes.len() != IMAGES * RECORD || bytes.chunks(RECORD).any(|record| record[0] >= CLASSES as u8) {
        return Err(Error::data(format!(
            "{} is no file of CIFAR-10 ({} bytes instead of {}, or a label above 9); prepare it again",
            path.display(),
            bytes.len(),
            IMAGES * RECORD
        )));
    }
    Ok(bytes)
}

/// The image `[32, 32, 3]` of planes `[3, 32, 32]`.
fn image(planes: &[u8]) -> RgbImage {
    let (red, rest) = planes.split_at(SIDE * SIDE);
    let (green, blue) = rest.split_at(SIDE * SIDE);
    let mut image = RgbImage::new(SIDE as u32, SIDE as u32);
    for (pixel, ((red, green), blue)) in image.pixels_mut().zip(red.iter().zip(green).zip(blue)) {
        pixel.0 = [*red, *green, *blue];
    }
    image
}
