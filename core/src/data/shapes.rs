//! Shapes: ten outlines in three styles, drawn by the program, so that everything can be tried without a download.
//!
//! A sample is drawn from (version, style, split, position) alone: never from a run's seed, and more samples of a class
//! leave the earlier ones as they are.

mod clipart;
mod line;
mod outline;
mod photo;
mod scene;

use std::sync::Arc;

use image::RgbImage;
use rayon::prelude::*;
use tiny_skia::Pixmap;

use super::index::{Files, Index, Sample, subset};
use super::photograph::{Photograph, RandomCrop, Statistics};
use super::pixels::Pixels;
use super::source::DataSource;
use super::split::Split;
use super::transform::{Input, Transform};
use crate::config::{Data, DataConfigs};
use crate::error::{Error, Result};
use crate::number;
use crate::random::{Keyed, Purpose};

/// The styles. Their places are part of what is drawn: a new one comes last.
pub(super) const ALL: [&dyn DataSource; 3] = [
    &Shapes { name: "Shapes_photo", place: 0, draw: photo::draw },
    &Shapes { name: "Shapes_clipart", place: 1, draw: clipart::draw },
    &Shapes { name: "Shapes_line", place: 2, draw: line::draw },
];
const PREFIX: &str = "Shapes_";
/// Seed of the drawing; a change to any image must raise it, since it is part of a run's data digest.
const VERSION: u64 = 1;
/// Number of outlines.
const CLASSES: usize = outline::NAMES.len();
/// Training samples of each class unless `train_per_class` says otherwise.
const TRAIN_PER_CLASS: usize = 500;
/// Test samples of each class unless `test_per_class` says otherwise.
const TEST_PER_CLASS: usize = 100;

/// Samples of a class that can be told apart by their names.
const MOST_PER_CLASS: usize = 100_000;
/// Memory that the images of a split may take.
const MOST_BYTES: usize = 4 << 30;

/// The shapes in one style.
struct Shapes {
    name: &'static str,
    /// Place in [`ALL`].
    place: usize,
    /// Fills a square canvas with one sample of a class.
    draw: fn(&mut Pixmap, usize, &mut Keyed),
}

impl DataSource for Shapes {
    fn name(&self) -> &'static str {
        self.name
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(Statistics::IMAGENET)
    }

    fn transform(&self, input: Input) -> Arc<dyn Transform> {
        // As drawings have them in the reference.
        Arc::new(Photograph::new(&input, RandomCrop::Resized, Statistics::IMAGENET))
    }

    fn needs(&self) -> Option<String> {
        None
    }

    /// Draws a split, or the subset of it that the settings ask for, on all cores; classes are interleaved.
    fn open(&self, data: &Data, split: Split, _files: Files) -> Result<Index> {
        let configs = &data.configs;
        let (style, half) = (self.name.trim_start_matches(PREFIX), split.half());
        let positions = subset((0..per_class(configs, split)? * CLASSES).collect(), configs.subsample);
        let canvas = canvas(configs.pre_crop_size)?;
        let bytes = positions.len().saturating_mul(3 * configs.pre_crop_size * configs.pre_crop_size);
        if bytes > MOST_BYTES {
            return Err(Error::usage(format!(
                "{} drawn images of data.configs.pre_crop_size {} take {} of memory, and at most {} are drawn; lower \
                 data.configs.train_per_class and test_per_class",
                positions.len(),
                configs.pre_crop_size,
                number::bytes(bytes as u64),
                number::bytes(MOST_BYTES as u64)
            )));
        }
        let stream = (2 * self.place + usize::from(half == "test")) as u64;
        let images = positions
            .par_iter()
            .map_with(canvas, |canvas, &position| {
                let draw = &mut Keyed::new(VERSION, Purpose::Draw, stream, position as u64);
                (self.draw)(canvas, position % CLASSES, draw);
                to_rgb(canvas)
            })
            .collect();
        let sample = |position: usize| {
            let label = position % CLASSES;
            let (class, count) = (outline::NAMES[label], position / CLASSES);
            Sample { id: format!("{style}/{half}/{class}/{count:05}"), label }
        };
        let samples = positions.iter().map(|&position| sample(position)).collect();
        let pixels = Pixels::drawn(images, format!("Shapes version {VERSION}"));
        Ok(Index { samples, outputs: CLASSES, pixels })
    }
}

/// Samples of each class.
fn per_class(configs: &DataConfigs, split: Split) -> Result<usize> {
    let (per_class, setting) = match split {
        Split::Train | Split::EvalTrain => {
            (configs.train_per_class.unwrap_or(TRAIN_PER_CLASS), "train_per_class")
        }
        Split::Test | Split::Dev => (configs.test_per_class.unwrap_or(TEST_PER_CLASS), "test_per_class"),
    };
    if !(1..=MOST_PER_CLASS).contains(&per_class) {
        return Err(Error::usage(format!(
            "data.configs.{setting} must be from 1 to {MOST_PER_CLASS}: {per_class}"
        )));
    }
    Ok(per_class)
}

/// A square to draw on.
fn canvas(side: usize) -> Result<Pixmap> {
    let side = side as u32;
    Pixmap::new(side, side).filter(|_| (8..=1024).contains(&side)).ok_or_else(|| {
        Error::usage(format!(
            "Shapes are drawn with data.configs.pre_crop_size from 8 to 1024 pixels: {side}"
        ))
    })
}

fn to_rgb(canvas: &Pixmap) -> RgbImage {
    RgbImage::from_fn(canvas.width(), canvas.height(), |x, y| {
        // Every style covers its canvas, so no pixel is transparent.
        let pixel = canvas.pixels()[(y * canvas.width() + x) as usize];
        image::Rgb([pixel.red(), pixel.green(), pixel.blue()])
    })
}
