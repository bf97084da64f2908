//! From an X-ray to the network's input, as the reference prepares CheXpert through OpenCV: grey, randomly turned, its
//! histogram equalised, the long side resized, padded to a square, blurred (PAPER section 2.4).

use image::{GrayImage, Luma, RgbImage};

use super::shuffle::Shuffle;
use super::transform::{Crop, Input, Transform};
use crate::config::{Augmentation, Border, XraySettings};
use crate::error::Result;
use crate::random::Keyed;

/// Grey of what a turn brings in from outside of the image.
const OUTSIDE: u8 = 128;

/// The transform of X-rays. What it calls a crop is the whole image in grey, in its own size.
#[derive(Debug)]
pub(super) struct Xray {
    size: usize,
    shuffle: Option<Shuffle>,
    settings: XraySettings,
}

impl Xray {
    pub fn new(input: Input) -> Self {
        Self { size: input.size, shuffle: input.shuffle, settings: input.xray }
    }
}

impl Transform for Xray {
    fn train_crop(&self, image: &RgbImage, draw: &mut Keyed) -> Result<Crop> {
        let gray = gray(image);
        let image = match self.settings.use_transforms_type {
            Augmentation::Aug => {
                Affine::random(image.width(), image.height(), &self.settings, draw).apply(&gray)
            }
            Augmentation::Common => soften(&equalize(gray)),
            Augmentation::None => gray,
        };
        Ok(self.equalized(image).into())
    }

    fn eval_crop(&self, image: &RgbImage) -> Result<Crop> {
        Ok(self.equalized(gray(image)).into())
    }

    fn normalize(&self, width: usize, levels: &[u8], output: &mut [f32]) {
        let (first, others) = output.split_at_mut(self.size * self.size);
        input(width, levels, self.size, &self.settings, first);
        others.chunks_exact_mut(first.len()).for_each(|channel| channel.copy_from_slice(first));
        if let Some(shuffle) = &self.shuffle {
            let ordered = output.to_vec();
            shuffle.apply(&ordered, output);
        }
    }

    fn level(&self, _channel: usize, value: f32) -> u8 {
        (value * self.settings.spread() + self.settings.pixel_mean as f32).round() as u8
    }
}

impl Xray {
    fn equalized(&self, image: GrayImage) -> GrayImage {
        if self.settings.is_equalized { equalize(image) } else { image }
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
    pub fn random(width: u32, height: u32, settings: &XraySettings, draw: &mut Keyed) -> Self {
        let mut shift = |side: u32| {
            let most = settings.translate * f64::from(side);
            draw.range(-most, most).round_ties_even()
        };
        let shift = (shift(width), shift(height));
        let degrees = draw.range(-settings.degrees, settings.degrees);
        Self { degrees, shift, scale: draw.range(settings.scale.0, settings.scale.1) }
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
            if inside { *image.get_pixel(source_x as u32, source_y as u32) } else { Luma([OUTSIDE]) }
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

/// OpenCV's `GaussianBlur` of 8-bit levels with a kernel of 3 x 3: `[1/4, 1/2, 1/4]` in both directions, rounded once.
fn soften(image: &GrayImage) -> GrayImage {
    let (width, height) = image.dimensions();
    let level = |x: u32, y: u32| u32::from(image.get_pixel(x, y)[0]);
    let around =
        |at: u32, length: u32| [-1, 0, 1].map(|step| mirrored(i64::from(at) + step, length as usize) as u32);
    GrayImage::from_fn(width, height, |x, y| {
        let row = |y: u32| {
            let [before, here, after] = around(x, width).map(|x| level(x, y));
            before + 2 * here + after
        };
        let [above, here, below] = around(y, height).map(row);
        Luma([((above + 2 * here + below + 8) >> 4) as u8])
    })
}

/// A position outside of a line at its mirror image, without the edge pixel (OpenCV's `BORDER_REFLECT_101`).
fn mirrored(at: i64, length: usize) -> usize {
    let period = (2 * length.max(1) as i64 - 2).max(1);
    let at = at.rem_euclid(period);
    at.min(period - at) as usize
}

/// Resizes grey levels `[height, width]` so that the long side is `side`, or to the square, pads right and below, blurs and scales,
/// into `[side, side]`.
pub fn input(width: usize, levels: &[u8], side: usize, settings: &XraySettings, output: &mut [f32]) {
    output.fill(0.0);
    let height = levels.len() / width.max(1);
    let long = width.max(height).max(1) as f64;
    let scaled = |length: usize| match settings.fix_ratio {
        true => ((length as f64 * side as f64 / long).round_ties_even() as usize).max(1),
        false => side,
    };
    let target = [scaled(width), scaled(height)];
    resize(levels, [width, height], target, side, output);
    pad(target, side, settings, output);
    if settings.gaussian_blur > 1 {
        blur(&kernel(settings.gaussian_blur), side, output);
    }
    let (middle, spread) = (settings.pixel_mean as f32, settings.spread());
    output.iter_mut().for_each(|level| *level = (*level - middle) / spread);
}

/// Fills what is right of an image in the upper left of a square and below it.
fn pad([width, height]: [usize; 2], side: usize, settings: &XraySettings, square: &mut [f32]) {
    let level = match settings.border_pad {
        Border::Zero => Some(0.0),
        Border::PixelMean => Some(settings.pixel_mean as f32),
        _ => None,
    };
    // NumPy repeats a mirrored image of one pixel.
    let source = |at: usize, length: usize| match settings.border_pad {
        Border::Symmetric => {
            let at = at % (2 * length);
            at.min(2 * length - 1 - at)
        }
        Border::Reflect => mirrored(at as i64, length),
        Border::Wrap => at % length,
        _ => length - 1,
    };
    for y in 0..side {
        for x in if y < height { width } else { 0 }..side {
            let from = |at: usize, length: usize| if at < length { at } else { source(at, length) };
            square[y * side + x] = match level {
                Some(level) => level,
                None => square[from(y, height) * side + from(x, width)],
            };
        }
    }
}

/// OpenCV's Gaussian kernel of an odd size where no deviation is given: a table up to 9, and above `0.3 ((size - 1) / 2 - 1) + 0.8`.
fn kernel(size: usize) -> Vec<f32> {
    match size {
        3 => vec![0.25, 0.5, 0.25],
        5 => vec![0.0625, 0.25, 0.375, 0.25, 0.0625],
        7 => vec![0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125],
        9 => [4, 13, 30, 51, 60, 51, 30, 13, 4].map(|weight: u8| f32::from(weight) / 256.0).to_vec(),
        size => {
            let middle = (size - 1) as f64 / 2.0;
            let deviation = 0.3 * (middle - 1.0) + 0.8;
            let weight = |at: usize| (-(at as f64 - middle).powi(2) / (2.0 * deviation * deviation)).exp();
            let sum: f64 = (0..size).map(weight).sum();
            (0..size).map(|at| (weight(at) / sum) as f32).collect()
        }
    }
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

/// A symmetric kernel in both directions, borders reflected without the edge pixel.
fn blur(kernel: &[f32], side: usize, square: &mut [f32]) {
    let reach = kernel.len() / 2;
    let sources: Vec<Vec<usize>> = (0..side)
        .map(|at| {
            (0..kernel.len()).map(|step| mirrored(at as i64 + step as i64 - reach as i64, side)).collect()
        })
        .collect();
    let mut rows = vec![0.0; side * side];
    for (row, blurred) in square.chunks_exact(side).zip(rows.chunks_exact_mut(side)) {
        for (value, from) in blurred.iter_mut().zip(&sources) {
            *value = weighted(kernel, |at| row[from[at]]);
        }
    }
    for (line, from) in square.chunks_exact_mut(side).zip(&sources) {
        for (x, value) in line.iter_mut().enumerate() {
            *value = weighted(kernel, |at| rows[from[at] * side + x]);
        }
    }
}

/// The sum of values under a symmetric kernel.
fn weighted(kernel: &[f32], value: impl Fn(usize) -> f32) -> f32 {
    let reach = kernel.len() / 2;
    let pairs = (0..reach).rev().map(|at| kernel[at] * (value(at) + value(kernel.len() - 1 - at)));
    pairs.sum::<f32>() + kernel[reach] * value(reach)
}
