//! From an X-ray to the network's input, as the reference prepares CheXpert through OpenCV: grey, randomly turned, its
//! histogram equalised, the long side resized, padded to a square, blurred (PAPER section 2.4).

use image::{GrayImage, Luma, RgbImage};

use super::shuffle::Shuffle;
use super::transform::{Crop, Input, Transform};
use crate::error::Result;
use crate::random::Keyed;

/// Largest turn to either side, degrees.
const TURN: f64 = 15.0;
/// Largest shift to either side, as a share of the side.
const SHIFT: f64 = 0.05;
/// Smallest and largest scale.
const SCALE: (f64, f64) = (0.95, 1.05);
/// Grey of what is outside of the image, and the level that becomes zero.
const MIDDLE: u8 = 128;
/// Levels that become one.
const SPREAD: f32 = 64.0;

/// The transform of X-rays. What it calls a crop is the whole image in grey, in its own size.
#[derive(Debug)]
pub(super) struct Xray {
    size: usize,
    shuffle: Option<Shuffle>,
}

impl Xray {
    pub fn new(input: Input) -> Self {
        Self { size: input.size, shuffle: input.shuffle }
    }
}

impl Transform for Xray {
    fn train_crop(&self, image: &RgbImage, draw: &mut Keyed) -> Result<Crop> {
        let affine = Affine::random(image.width(), image.height(), draw);
        Ok(equalize(affine.apply(&gray(image))).into())
    }

    fn eval_crop(&self, image: &RgbImage) -> Result<Crop> {
        Ok(equalize(gray(image)).into())
    }

    fn normalize(&self, width: usize, levels: &[u8], output: &mut [f32]) {
        let (first, others) = output.split_at_mut(self.size * self.size);
        input(width, levels, self.size, first);
        others.chunks_exact_mut(first.len()).for_each(|channel| channel.copy_from_slice(first));
        if let Some(shuffle) = &self.shuffle {
            let ordered = output.to_vec();
            shuffle.apply(&ordered, output);
        }
    }

    fn level(&self, _channel: usize, value: f32) -> u8 {
        (value * SPREAD + f32::from(MIDDLE)).round() as u8
    }
}

/// A turn, shift and scale about the middle of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Degrees, clockwise.
    pub degrees: f64,
    /// Pixels to the right and down.
    pub shift: (f64, f64),
    /// Factor.
    pub scale: f64,
}

impl Affine {
    /// What torchvision's `RandomAffine` draws for an image of that size.
    pub fn random(width: u32, height: u32, draw: &mut Keyed) -> Self {
        let mut shift = |side: u32| {
            let most = SHIFT * f64::from(side);
            draw.range(-most, most).round_ties_even()
        };
        let shift = (shift(width), shift(height));
        Self { degrees: draw.range(-TURN, TURN), shift, scale: draw.range(SCALE.0, SCALE.1) }
    }

    /// Takes each pixel from the nearest of the source, or the middle grey from outside of it.
    ///
    /// Positions are of 16 bits before and after the point, as Pillow computes them.
    pub fn apply(self, image: &GrayImage) -> GrayImage {
        let (width, height) = image.dimensions();
        let middle = (f64::from(width) / 2.0, f64::from(height) / 2.0);
        let (sin, cos) = self.degrees.to_radians().sin_cos();
        let (sin, cos) = (sin / self.scale, cos / self.scale);
        let (right, down) = (middle.0 + self.shift.0, middle.1 + self.shift.1);
        let from = (middle.0 - cos * right - sin * down, middle.1 + sin * right - cos * down);
        let fixed = |value: f64| (value * 65536.0 + 0.5).floor() as i64;
        let [across, along] = [fixed(cos), fixed(sin)];
        // The middle of the first pixel.
        let first = (fixed(from.0 + (cos + sin) / 2.0), fixed(from.1 + (cos - sin) / 2.0));
        let against = fixed(-sin);
        GrayImage::from_fn(width, height, |x, y| {
            let (x, y) = (i64::from(x), i64::from(y));
            let source_x = (first.0 + x * across + y * along) >> 16;
            let source_y = (first.1 + x * against + y * across) >> 16;
            let inside =
                (0..i64::from(width)).contains(&source_x) && (0..i64::from(height)).contains(&source_y);
            if inside { *image.get_pixel(source_x as u32, source_y as u32) } else { Luma([MIDDLE]) }
        })
    }
}

/// Brightness as Pillow's `convert("L")` rounds it (ITU-R 601).
pub fn gray(image: &RgbImage) -> GrayImage {
    let level = |[red, green, blue]: &[u8; 3]| {
        let sum = 19_595 * u32::from(*red) + 38_470 * u32::from(*green) + 7_471 * u32::from(*blue);
        ((sum + 0x8000) >> 16) as u8
    };
    let levels = image.as_raw().as_chunks().0.iter().map(level).collect();
    GrayImage::from_raw(image.width(), image.height(), levels).expect("a level for each pixel")
}

/// Spreads the levels so that all are about equally frequent (OpenCV's `equalizeHist`).
pub fn equalize(mut image: GrayImage) -> GrayImage {
    let mut counts = [0_u32; 256];
    for level in image.iter() {
        counts[usize::from(*level)] += 1;
    }
    let Some(lowest) = counts.iter().position(|count| *count > 0) else { return image };
    let total = image.len() as u32;
    if counts[lowest] == total {
        return image;
    }
    let scale = 255.0 / (total - counts[lowest]) as f32;
    let (mut levels, mut sum) = ([0_u8; 256], 0);
    for level in lowest + 1..256 {
        sum += counts[level];
        levels[level] = (sum as f32 * scale).round_ties_even() as u8;
    }
    image.iter_mut().for_each(|level| *level = levels[usize::from(*level)]);
    image
}

/// Resizes grey levels `[height, width]` so that the long side is `side`, pads right and below, blurs and scales, into
/// `[side, side]`.
pub fn input(width: usize, levels: &[u8], side: usize, output: &mut [f32]) {
    output.fill(f32::from(MIDDLE));
    let height = levels.len() / width.max(1);
    let long = width.max(height).max(1) as f64;
    let scaled = |length: usize| ((length as f64 * side as f64 / long).round_ties_even() as usize).max(1);
    resize(levels, [width, height], [scaled(width), scaled(height)], side, output);
    blur(side, output);
    output.iter_mut().for_each(|level| *level = (*level - f32::from(MIDDLE)) / SPREAD);
}

/// Where a pixel of a resized line comes from: two neighbours, and the weight of the second.
fn neighbours(source: usize, target: usize) -> Vec<(usize, usize, f32)> {
    let scale = source as f64 / target as f64;
    let at = |position: usize| {
        let exact = ((position as f64 + 0.5) * scale - 0.5).clamp(0.0, (source - 1) as f64) as f32;
        let first = exact as usize;
        (first, (first + 1).min(source - 1), exact - first as f32)
    };
    (0..target).map(at).collect()
}

/// Bilinear without antialias (OpenCV's `INTER_LINEAR`), into the upper left of a square. Sizes are width and height.
fn resize(levels: &[u8], source: [usize; 2], target: [usize; 2], side: usize, square: &mut [f32]) {
    let columns = neighbours(source[0], target[0]);
    let mix = |a: f32, b: f32, weight: f32| a * (1.0 - weight) + b * weight;
    let line = |row: usize| -> Vec<f32> {
        let levels = &levels[row * source[0]..][..source[0]];
        let level = |at: usize| f32::from(levels[at]);
        columns.iter().map(|&(first, second, weight)| mix(level(first), level(second), weight)).collect()
    };
    let rows = neighbours(source[1], target[1]);
    for ((first, second, weight), target) in rows.into_iter().zip(square.chunks_exact_mut(side)) {
        for (target, (above, below)) in target.iter_mut().zip(line(first).into_iter().zip(line(second))) {
            *target = mix(above, below, weight);
        }
    }
}

/// `[1/4, 1/2, 1/4]` in both directions, borders reflected without the edge pixel.
fn blur(side: usize, square: &mut [f32]) {
    let last = side - 1;
    let around = |at: usize| {
        [at.checked_sub(1).unwrap_or(1.min(last)), at, if at < last { at + 1 } else { at.saturating_sub(1) }]
    };
    let weigh = |[before, here, after]: [f32; 3]| 0.25 * (before + after) + 0.5 * here;
    let mut rows = vec![0.0; side * side];
    for (row, blurred) in square.chunks_exact(side).zip(rows.chunks_exact_mut(side)) {
        for (x, value) in blurred.iter_mut().enumerate() {
            *value = weigh(around(x).map(|x| row[x]));
        }
    }
    for (y, line) in square.chunks_exact_mut(side).enumerate() {
        let lines = around(y).map(|y| &rows[y * side..][..side]);
        for (x, value) in line.iter_mut().enumerate() {
            *value = weigh(lines.map(|line| line[x]));
        }
    }
}
