//! One image file to RGB.

use std::io::Cursor;
use std::panic::catch_unwind;
use std::path::Path;

use image::{DynamicImage, ImageFormat, ImageReader, RgbImage};

use crate::error::{Error, Result};

/// Second byte of the marker before the first scan of a JPEG.
const JPEG_SCAN: u8 = 0xda;
/// Marker that ends every complete JPEG.
const JPEG_END: [u8; 2] = [0xff, 0xd9];

/// Reads a JPEG or PNG as RGB, `[height, width, 3]`; grey is repeated, transparency dropped, orientation tags ignored,
/// as Pillow's `convert("RGB")` does.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::Data`] with the decoder's reason if it is no complete image.
pub fn decode(path: &Path) -> Result<RgbImage> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    // A decoder that panics on a strange file must not end the program.
    let decoded = catch_unwind(|| decode_bytes(&bytes)).unwrap_or_else(|_| Err("the decoder gave up".into()));
    decoded.map_err(|reason| {
        // Decoders break their reasons into lines.
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        Error::data(format!(
            "cannot decode {}: {reason}; replace the file or take its line out of the list",
            path.display()
        ))
    })
}

fn decode_bytes(bytes: &[u8]) -> std::result::Result<RgbImage, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    // The decoder fills what a cut-off JPEG lacks with grey; a missing end tells.
    if reader.format() == Some(ImageFormat::Jpeg) && !has_jpeg_end(bytes) {
        return Err("the file is cut off (no end-of-image marker)".into());
    }
    match reader.decode().map_err(|error| error.to_string())? {
        // The library converts grey through floats, which takes as long as decoding it.
        DynamicImage::ImageLuma8(grey) => {
            let mut image = RgbImage::new(grey.width(), grey.height());
            for (pixel, &level) in image.pixels_mut().zip(grey.as_raw()) {
                pixel.0 = [level; 3];
            }
            Ok(image)
        }
        other => Ok(other.into_rgb8()),
    }
}

/// Whether the picture ends; a thumbnail in the headers before it, which has an end of its own, does not count.
fn has_jpeg_end(bytes: &[u8]) -> bool {
    let mut segment = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(segment..segment + 4) {
        if marker == 0xff {
            // Any number of fill bytes may precede a marker.
            segment += 1;
            continue;
        }
        let length = usize::from(high) << 8 | usize::from(low);
        segment += 2 + length;
        if marker == JPEG_SCAN {
            break;
        }
    }
    bytes.get(segment..).is_some_and(|scan| scan.windows(2).rev().any(|pair| pair == JPEG_END))
}
