//! Crops and resized crops.

use std::borrow::Cow;
use std::cell::RefCell;

use image::RgbImage;

use super::decode::check_size;
use super::resample::Scaler;
use crate::config::Interpolation;
use crate::error::{Error, Result};

thread_local! {
    static SCALER: RefCell<Scaler> = RefCell::default();
}

/// A rectangle of an image in pixels; it may leave the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub top: i64,
    pub left: i64,
    pub height: u32,
    pub width: u32,
}

/// Scales so that the shorter side has `side` pixels and the longer is rounded down (torchvision's `Resize`).
///
/// # Errors
/// [`Error::Data`] if the image or the result has no pixels.
pub fn resize_shorter_side(image: &RgbImage, side: usize, by: Interpolation) -> Result<RgbImage> {
    let (width, height) = image.dimensions();
    let longer = |long: u32, short: u32| {
        let longer = side as u64 * u64::from(long) / u64::from(short.max(1));
        u32::try_from(longer).unwrap_or(u32::MAX)
    };
    let (new_width, new_height) = if width <= height {
        (side as u32, longer(height, width))
    } else {
        (longer(width, height), side as u32)
    };
    if (new_width, new_height) == (width, height) {
        return Ok(image.clone());
    }
    scale(image, Window { top: 0, left: 0, height, width }, new_width, new_height, by)
}

/// The middle `[side, side]` pixels, with black around an image that is smaller (torchvision's `CenterCrop`).
pub fn center_crop(image: &RgbImage, side: usize) -> RgbImage {
    let offset = |length: u32| center_offset(length, side as u32);
    crop_at(image, (offset(image.height()), offset(image.width())), side)
}

/// The `[side, side]` pixels at (`top`, `left`), black where that leaves the image.
pub(super) fn crop_at(image: &RgbImage, (top, left): (i64, i64), side: usize) -> RgbImage {
    crop(image, Window { top, left, height: side as u32, width: side as u32 })
}

/// Cuts `[height, width]` pixels at (`top`, `left`), black where that leaves the image, and scales them to `[side, side]`.
///
/// # Errors
/// [`Error::Data`] if the window or the result has no pixels.
pub fn resized_crop(
    image: &RgbImage,
    (top, left): (i64, i64),
    (height, width): (u32, u32),
    side: usize,
    by: Interpolation,
) -> Result<RgbImage> {
    let window = Window { top, left, height, width };
    let side = side as u32;
    if (height, width) == (side, side) {
        return Ok(crop(image, window));
    }
    scale(image, window, side, side, by)
}

/// Python's `int(round((size - crop) / 2.0))` where the crop fits, minus the padding that comes first where not.
fn center_offset(size: u32, crop: u32) -> i64 {
    let room = i64::from(size) - i64::from(crop);
    if room < 0 { room / 2 } else { (room as f64 / 2.0).round_ties_even() as i64 }
}

fn crop(image: &RgbImage, window: Window) -> RgbImage {
    let mut out = RgbImage::new(window.width, window.height);
    let stride = window.width as usize * 3;
    for (target, row) in out.chunks_exact_mut(stride.max(1)).zip(rows(image, window)) {
        target[3 * row.before..][..row.inside.len()].copy_from_slice(row.inside);
    }
    out
}

/// One row of a window.
struct Row<'a> {
    /// Pixels to the left of the image.
    before: usize,
    /// Bytes of the image.
    inside: &'a [u8],
}

fn rows(image: &RgbImage, window: Window) -> impl Iterator<Item = Row<'_>> {
    let column = |at: i64| at.clamp(0, i64::from(image.width())) as usize;
    let (first, last) = (column(window.left), column(window.left + i64::from(window.width)));
    let before = (-window.left).clamp(0, i64::from(window.width)) as usize;
    let stride = image.width() as usize * 3;
    (0..i64::from(window.height)).map(move |row| {
        let source = window.top + row;
        let is_inside = (0..i64::from(image.height())).contains(&source);
        let start = if is_inside { source as usize * stride } else { 0 };
        let inside = if is_inside { &image.as_raw()[start + first * 3..start + last * 3] } else { &[] };
        Row { before, inside }
    })
}

/// The window in that size, by Pillow's filter.
fn scale(image: &RgbImage, window: Window, width: u32, height: u32, by: Interpolation) -> Result<RgbImage> {
    if [window.width, window.height, width, height].contains(&0) {
        return Err(Error::data("cannot resize an image without pixels; check its width and height"));
    }
    check_size(width as usize, height as usize).map_err(|reason| {
        Error::data(format!("cannot resize an image: {reason}; leave it out or crop it"))
    })?;
    let is_inside =
        |first: i64, length: u32, all: u32| first >= 0 && first + i64::from(length) <= i64::from(all);
    let (image, top, left) = if is_inside(window.top, window.height, image.height())
        && is_inside(window.left, window.width, image.width())
    {
        (Cow::Borrowed(image), window.top as usize, window.left as usize)
    } else {
        (Cow::Owned(crop(image, window)), 0, 0)
    };
    let stride = image.width() as usize;
    let pixels = &image.as_raw().as_chunks().0[top * stride + left..];
    let size = |height: u32, width: u32| (height as usize, width as usize);
    let (old, new) = (size(window.height, window.width), size(height, width));
    let bytes = SCALER.with_borrow_mut(|scaler| scaler.scale(pixels, stride, old, new, by));
    RgbImage::from_raw(width, height, bytes)
        .ok_or_else(|| Error::data("cannot resize an image: it lacks pixels"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn center_offsets_round_as_python_does() {
        // int(round(0.5)) = 0, int(round(1.5)) = 2; padding before is (crop - size) // 2.
        assert_eq!([center_offset(225, 224), center_offset(227, 224)], [0, 2]);
        assert_eq!([center_offset(10, 15), center_offset(9, 15)], [-2, -3]);
    }

    #[test]
    fn crops_are_black_outside() {
        let image = RgbImage::from_fn(3, 2, |x, y| image::Rgb([(10 * (y + 1) + x) as u8; 3]));
        let out = crop(&image, Window { top: -1, left: 1, height: 4, width: 4 });
        let reds: Vec<u8> = out.pixels().map(|pixel| pixel[0]).collect();
        assert_eq!(reds, [0, 0, 0, 0, 11, 12, 0, 0, 21, 22, 0, 0, 0, 0, 0, 0]);
        let far = crop(&image, Window { top: 0, left: 7, height: 1, width: 2 });
        assert!(far.iter().all(|&value| value == 0));
    }

    #[test]
    fn a_thin_image_is_not_enlarged_beyond_the_bound() {
        for (width, height) in [(1, 65_000), (65_000, 1), (3_000_000, 1)] {
            let message = resize_shorter_side(&RgbImage::new(width, height), 256, Interpolation::Bilinear)
                .unwrap_err()
                .to_string();
            assert!(message.contains("BASIN_MAX_IMAGE_PIXELS") && message.contains("256"), "{message}");
        }
    }
}
