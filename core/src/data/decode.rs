//! One image file to RGB.

use std::io::Cursor;
use std::panic::catch_unwind;
use std::path::Path;

use image::{ImageFormat, ImageReader, RgbImage};

use crate::error::{Error, Result};

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
    let ends = || bytes.windows(2).rev().any(|pair| pair == JPEG_END);
    if reader.format() == Some(ImageFormat::Jpeg) && !ends() {
        return Err("the file is cut off (no end-of-image marker)".into());
    }
    let image = reader.decode().map_err(|error| error.to_string())?;
    Ok(image.into_rgb8())
}
