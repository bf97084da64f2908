//! Shapes: ten outlines in three styles, drawn by the program, so that everything can be tried without a download.
//!
//! A sample is drawn from (version, style, split, position) alone: never from a run's seed, and more samples of a class
//! leave the earlier ones as they are.

mod clipart;
mod line;
mod outline;
mod photo;
mod scene;

use image::RgbImage;
use rayon::prelude::*;
use tiny_skia::Pixmap;

use super::sample::{Sample, Split, subset};
use crate::config::DataConfigs;
use crate::error::{Error, Result};
use crate::random::{Keyed, Purpose};

/// Seed of the drawing; a change to any image must raise it, since it is part of a run's data digest.
pub(super) const VERSION: u64 = 1;
/// Number of outlines.
pub(super) const CLASSES: usize = outline::NAMES.len();
/// Training samples of each class unless `train_per_class` says otherwise.
const TRAIN_PER_CLASS: usize = 500;
/// Test samples of each class unless `test_per_class` says otherwise.
const TEST_PER_CLASS: usize = 100;

/// Fills a square canvas with one sample of a class.
type Draw = fn(&mut Pixmap, usize, &mut Keyed);

const STYLES: [(&str, Draw); 3] = [("photo", photo::draw), ("clipart", clipart::draw), ("line", line::draw)];

/// Drawn samples, classes interleaved.
pub(super) struct Shapes {
    pub samples: Vec<Sample>,
    /// Squares of side `pre_crop_size`.
    pub images: Vec<RgbImage>,
}

/// Names of the styles, for messages.
pub(super) fn styles() -> String {
    STYLES.map(|(name, _)| name).join(", ")
}

/// Draws a split, or the subset of it that the settings ask for, on all cores.
pub(super) fn draw(configs: &DataConfigs, style: &str, split: Split) -> Result<Shapes> {
    let Some(number) = STYLES.iter().position(|&(name, _)| name == style) else {
        return Err(Error::usage(format!(
            "the styles of Shapes are {}; set data.name to one of them, such as Shapes_{}: {style}",
            styles(),
            STYLES[0].0
        )));
    };
    let (per_class, setting) = match split {
        Split::Train | Split::EvalTrain => {
            (configs.train_per_class.unwrap_or(TRAIN_PER_CLASS), "train_per_class")
        }
        Split::Test | Split::Dev => (configs.test_per_class.unwrap_or(TEST_PER_CLASS), "test_per_class"),
    };
    if per_class == 0 {
        return Err(Error::usage(format!("data.configs.{setting} must be at least 1: 0")));
    }
    let side = configs.pre_crop_size as u32;
    let canvas = Pixmap::new(side, side).filter(|_| (8..=1024).contains(&side)).ok_or_else(|| {
        Error::usage(format!(
            "Shapes are drawn with data.configs.pre_crop_size from 8 to 1024 pixels: {side}"
        ))
    })?;
    let positions = subset((0..per_class * CLASSES).collect(), configs.subsample);
    let stream = (2 * number + usize::from(split.half() == "test")) as u64;
    let images = positions
        .par_iter()
        .map_with(canvas, |canvas, &position| {
            STYLES[number].1(
                canvas,
                position % CLASSES,
                &mut Keyed::new(VERSION, Purpose::Draw, stream, position as u64),
            );
            to_rgb(canvas)
        })
        .collect();
    let sample = |position: usize| {
        let label = position % CLASSES;
        let (class, count) = (outline::NAMES[label], position / CLASSES);
        Sample { id: format!("{style}/{}/{class}/{count:05}", split.half()), label }
    };
    Ok(Shapes { samples: positions.iter().map(|&position| sample(position)).collect(), images })
}

fn to_rgb(canvas: &Pixmap) -> RgbImage {
    RgbImage::from_fn(canvas.width(), canvas.height(), |x, y| {
        // Every style covers its canvas, so no pixel is transparent.
        let pixel = canvas.pixels()[(y * canvas.width() + x) as usize];
        image::Rgb([pixel.red(), pixel.green(), pixel.blue()])
    })
}
