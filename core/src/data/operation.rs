//! The operations of RandAugment on 8-bit images, as Pillow computes them.

use image::{Rgb, RgbImage};

use crate::config::Interpolation;

/// An operation with its strength.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operation {
    /// Each channel stretched to all levels.
    AutoContrast,
    /// Levels of each channel equally frequent.
    Equalize,
    /// Each level taken from 255.
    Invert,
    /// Turned about the middle, degrees against the clock.
    Rotate(f64),
    /// Only that many upper bits of each level kept.
    Posterize(i32),
    /// Levels inverted from this one on.
    Solarize(i32),
    /// Added to the levels below 128.
    SolarizeAdd(i32),
    /// From grey (0) by the image itself (1) to stronger colours.
    Color(f32),
    /// From the mean grey (0) by the image itself (1) to more contrast.
    Contrast(f32),
    /// From black (0) by the image itself (1) to brighter.
    Brightness(f32),
    /// From smooth (0) by the image itself (1) to sharper.
    Sharpness(f32),
    /// Rows shifted by this part of their distance from the top.
    ShearX(f64),
    /// Columns shifted by this part of their distance from the left.
    ShearY(f64),
    /// Shifted to the left by this part of the width.
    TranslateX(f64),
    /// Shifted upwards by this part of the height.
    TranslateY(f64),
}

impl Operation {
    /// Changes an image. What moves in from outside has the colour `fill`.
    pub(super) fn apply(self, image: &mut RgbImage, fill: [u8; 3], by: Interpolation) {
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        match self {
            Self::AutoContrast => by_histogram(image, stretched),
            Self::Equalize => by_histogram(image, equalized),
            Self::Invert => by_level(image, |level| 255 - level),
            Self::Posterize(bits) if bits >= 8 => {}
            Self::Posterize(bits) => by_level(image, |level| level & !((1 << (8 - bits)) - 1)),
            Self::Solarize(from) => by_level(image, |level| if level < from { level } else { 255 - level }),
            Self::SolarizeAdd(add) => {
                by_level(image, |level| if level < 128 { (level + add).min(255) } else { level });
            }
            Self::Color(factor) => blend(image, factor, |pixel, _| [grey(pixel); 3]),
            Self::Contrast(factor) => {
                let sum: u64 = image.pixels().map(|pixel| u64::from(grey(pixel.0))).sum();
                let mean = (sum as f64 / (width * height) + 0.5) as u8;
                blend(image, factor, |_, _| [mean; 3]);
            }
            Self::Brightness(factor) => blend(image, factor, |_, _| [0; 3]),
            Self::Sharpness(factor) => {
                let smooth = smoothed(image);
                blend(image, factor, |_, at| smooth[at]);
            }
            Self::Rotate(degrees) => affine(image, turn(degrees, width, height), fill, by),
            Self::ShearX(factor) => affine(image, [1.0, factor, 0.0, 0.0, 1.0, 0.0], fill, by),
            Self::ShearY(factor) => affine(image, [1.0, 0.0, 0.0, factor, 1.0, 0.0], fill, by),
            Self::TranslateX(part) => affine(image, [1.0, 0.0, part * width, 0.0, 1.0, 0.0], fill, by),
            Self::TranslateY(part) => affine(image, [1.0, 0.0, 0.0, 0.0, 1.0, part * height], fill, by),
        }
    }
}

/// Replaces every level of every channel.
fn by_level(image: &mut RgbImage, new: impl Fn(i32) -> i32) {
    let table: [u8; 256] = std::array::from_fn(|level| new(level as i32) as u8);
    image.iter_mut().for_each(|level| *level = table[usize::from(*level)]);
}

/// Replaces the levels of each channel by a table that is made from how often each occurs.
fn by_histogram(image: &mut RgbImage, table: fn(&[u64; 256]) -> Option<[u8; 256]>) {
    for channel in 0..3 {
        let mut counts = [0; 256];
        image.pixels().for_each(|pixel| counts[usize::from(pixel[channel])] += 1);
        let Some(table) = table(&counts) else { continue };
        image.pixels_mut().for_each(|pixel| pixel[channel] = table[usize::from(pixel[channel])]);
    }
}

/// `ImageOps.autocontrast`; nothing where there is one level only.
fn stretched(counts: &[u64; 256]) -> Option<[u8; 256]> {
    let low = counts.iter().position(|&count| count > 0)?;
    let high = counts.iter().rposition(|&count| count > 0)?;
    if high <= low {
        return None;
    }
    let scale = 255.0 / (high - low) as f64;
    let offset = -(low as f64) * scale;
    Some(std::array::from_fn(|level| (level as f64 * scale + offset) as u8))
}

/// `ImageOps.equalize`; nothing where there is one level only, or too few pixels.
fn equalized(counts: &[u64; 256]) -> Option<[u8; 256]> {
    let last = *counts.iter().rfind(|&&count| count > 0)?;
    let step = (counts.iter().sum::<u64>() - last) / 255;
    if step == 0 {
        return None;
    }
    let mut sum = step / 2;
    Some(std::array::from_fn(|level| {
        let new = (sum / step).min(255) as u8;
        sum += counts[level];
        new
    }))
}

/// Brightness of a pixel, as `Image.convert("L")` weighs its channels.
fn grey([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19595 + u32::from(green) * 38470 + u32::from(blue) * 7471 + 0x8000) >> 16) as u8
}

/// `Image.blend` from what a pixel and its number give (0) to the image (1), and beyond.
fn blend(image: &mut RgbImage, factor: f32, from: impl Fn([u8; 3], usize) -> [u8; 3]) {
    for (at, pixel) in image.pixels_mut().enumerate() {
        let start = from(pixel.0, at).map(f32::from);
        // A cast cuts off at 0 and 255, and rounds towards 0.
        pixel.0 = std::array::from_fn(|channel| {
            (start[channel] + factor * (f32::from(pixel[channel]) - start[channel])) as u8
        });
    }
}

/// `ImageFilter.SMOOTH`: each pixel five times and its eight neighbours, divided by 13; the border stays.
fn smoothed(image: &RgbImage) -> Vec<[u8; 3]> {
    let (width, height) = image.dimensions();
    let smooth = |x: u32, y: u32| {
        let own = image.get_pixel(x, y).0;
        if x == 0 || y == 0 || x + 1 == width || y + 1 == height {
            return own;
        }
        let mut sum = own.map(|level| 4 * u32::from(level));
        for (y, x) in (y - 1..=y + 1).flat_map(|y| (x - 1..=x + 1).map(move |x| (y, x))) {
            sum.iter_mut().zip(image.get_pixel(x, y).0).for_each(|(sum, level)| *sum += u32::from(level));
        }
        sum.map(|sum| ((2 * sum + 13) / 26) as u8)
    };
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| smooth(x, y)).collect()
}

/// The matrix of `Image.rotate`, from places of the result to places of the image.
fn turn(degrees: f64, width: f64, height: f64) -> [f64; 6] {
    let angle = -(degrees.rem_euclid(360.0)).to_radians();
    // Pillow rounds to 15 places.
    let round = |value: f64| format!("{value:.15}").parse().unwrap_or(value);
    let (cos, sin) = (round(angle.cos()), round(angle.sin()));
    let (x, y) = (width / 2.0, height / 2.0);
    // In Pillow's order, which decides on which side of the border a pixel lies.
    [cos, sin, (cos * -x + sin * -y) + x, -sin, cos, (-sin * -x + cos * -y) + y]
}

/// `Image.transform(size, AFFINE, matrix)`.
fn affine(image: &mut RgbImage, matrix: [f64; 6], fill: [u8; 3], by: Interpolation) {
    let [a, b, c, d, e, f] = matrix;
    let (width, height) = image.dimensions();
    let source = image.clone();
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let (x, y) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
        let (x, y) = (a * x + b * y + c, d * x + e * y + f);
        let is_inside = (0.0..f64::from(width)).contains(&x) && (0.0..f64::from(height)).contains(&y);
        pixel.0 = match (is_inside, by) {
            (false, _) => fill,
            (true, Interpolation::Bilinear) => between(&source, x - 0.5, y - 0.5, 0, linear),
            (true, Interpolation::Bicubic) => between(&source, x - 0.5, y - 0.5, 1, cubic),
        };
    }
}

/// A pixel between those of an image, of which `N` in each direction count, `before` and one of them to the left.
fn between<const N: usize>(
    image: &RgbImage,
    x: f64,
    y: f64,
    before: i64,
    curve: fn([f64; N], f64) -> f64,
) -> [u8; 3] {
    let (column, row) = (x.floor(), y.floor());
    // The nearest pixel stands for what is outside.
    let near = |place: i64, length: u32| place.clamp(0, i64::from(length) - 1) as u32;
    let pixels: [[Rgb<u8>; N]; N] = std::array::from_fn(|down| {
        let y = near(row as i64 - before + down as i64, image.height());
        std::array::from_fn(|right| {
            *image.get_pixel(near(column as i64 - before + right as i64, image.width()), y)
        })
    });
    std::array::from_fn(|channel| {
        let rows = pixels.map(|row| curve(row.map(|pixel| f64::from(pixel[channel])), x - column));
        curve(rows, y - row) as u8
    })
}

fn linear([left, right]: [f64; 2], at: f64) -> f64 {
    left + (right - left) * at
}

/// Pillow's cubic convolution for transforms, with a = -1.
fn cubic([first, left, right, last]: [f64; 4], at: f64) -> f64 {
    let slope = right - first;
    let square = 2.0 * (first - left) + right - last;
    let cube = left - first - right + last;
    left + at * (slope + at * (square + at * cube))
}
