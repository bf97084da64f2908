//! One image file to RGB.

mod rare;

use std::io::Cursor;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::OnceLock;

use image::{DynamicImage, GrayImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, RgbImage};
use mozjpeg::{ColorSpace, Decompress};

use crate::error::{Error, Result};
use crate::file;

/// Second byte of the marker before the first scan of a JPEG.
const JPEG_SCAN: u8 = 0xda;
/// Marker that ends every complete JPEG.
const JPEG_END: [u8; 2] = [0xff, 0xd9];
/// Pixels beyond which an image is refused, unless the environment says otherwise: twice Pillow's `MAX_IMAGE_PIXELS`, where Pillow
/// refuses too. A broken header, or a long thin image that is resized, must not take all memory.
const MOST_PIXELS: u64 = 178_956_970;
/// The bound in its place.
const BOUND: &str = "BASIN_MAX_IMAGE_PIXELS";
/// Bytes of a pixel at most: four channels of 16 bits.
const PIXEL_BYTES: u64 = 8;

/// Reads a JPEG, PNG, WebP, GIF (its first frame), BMP, PNM or TIFF as RGB, `[height, width, 3]`, as Pillow's `convert("RGB")`
/// does: grey is repeated, transparency dropped, orientation tags (but those of TIFF) and the name's extension are ignored.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::Data`] with the decoder's reason if it is no complete image.
pub fn decode(path: &Path) -> Result<RgbImage> {
    let bytes = file::read(path)?;
    // The JPEG decoder unwinds with its reason, and one that panics on a strange file must not end the program.
    let decoded =
        catch_unwind(|| decode_bytes(&bytes)).unwrap_or_else(|reason| match reason.downcast::<String>() {
            Ok(reason) => Err(reason.trim_start_matches("libjpeg fatal error: ").to_owned()),
            Err(_) => Err("the decoder gave up".into()),
        });
    decoded.map_err(|reason| {
        // Decoders break their reasons into lines.
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        Error::data(format!(
            "cannot decode {}: {reason}; replace the file, or leave it out of the data set",
            path.display()
        ))
    })
}

/// # Errors
/// Says that an image is too large, with its size and the bound.
pub(super) fn check_size(width: usize, height: usize) -> std::result::Result<(), String> {
    let most = most_pixels()?;
    if (width as u64).saturating_mul(height as u64) <= most {
        return Ok(());
    }
    Err(format!("it would have {width} x {height} pixels, and {BOUND} allows {most}"))
}

fn most_pixels() -> std::result::Result<u64, String> {
    static MOST: OnceLock<std::result::Result<u64, String>> = OnceLock::new();
    let set = || match std::env::var(BOUND) {
        Ok(most) => most.parse().map_err(|_| format!("{BOUND} is {most}, which is no number of pixels")),
        Err(_) => Ok(MOST_PIXELS),
    };
    MOST.get_or_init(set).clone()
}

fn decode_bytes(bytes: &[u8]) -> std::result::Result<RgbImage, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    match reader.format() {
        Some(ImageFormat::Jpeg) => return decode_jpeg(bytes),
        Some(ImageFormat::Gif) => return decode_gif(bytes),
        _ => {}
    }
    let format = reader.format().ok_or_else(|| rare::unknown(bytes))?;
    rare::check(format, bytes)?;
    let ended = (format == ImageFormat::Png).then(|| with_png_end(bytes)).flatten();
    match (decode_as(format, bytes), ended) {
        (Err(_), Some(ended)) => decode_as(format, &ended),
        (decoded, _) => decoded,
    }
    .map(to_rgb)
}

fn decode_as(format: ImageFormat, bytes: &[u8]) -> std::result::Result<DynamicImage, String> {
    let reason = |error: image::ImageError| error.to_string();
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(PIXEL_BYTES.saturating_mul(most_pixels()?));
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(reason)?;
    let (width, height) = decoder.dimensions();
    check_size(width as usize, height as usize)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(reason)?;
    if format == ImageFormat::Tiff {
        // Pillow turns these, and no others.
        image.apply_orientation(rare::orientation(bytes));
    }
    Ok(image)
}

/// A PNG that lacks its end or is cut off within it, whose pixels may be whole, with an end; `None` for one that has it.
fn with_png_end(bytes: &[u8]) -> Option<Vec<u8>> {
    const SIGNATURE: usize = 8;
    const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";
    let mut at = SIGNATURE;
    while let Some((length, rest)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk) {
        // The type before the data, and a checksum behind it.
        let chunk =
            (u32::from_be_bytes(*length) as usize).checked_add(8).filter(|chunk| *chunk <= rest.len());
        let Some(chunk) = chunk else { break };
        if rest.starts_with(b"IEND") {
            return None;
        }
        at += size_of_val(length) + chunk;
    }
    Some([bytes.get(..at)?, END].concat())
}

/// The first frame of a GIF as Pillow shows it: what it does not cover has its transparent colour, or the first of its palette.
fn decode_gif(bytes: &[u8]) -> std::result::Result<RgbImage, String> {
    let reason = |error: gif::DecodingError| error.to_string();
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    let mut decoder = options.read_info(bytes).map_err(reason)?;
    let (width, height) = (decoder.width(), decoder.height());
    let palette = decoder.global_palette().map(<[u8]>::to_vec);
    let frame = decoder.next_frame_info().map_err(reason)?.ok_or("it has no frame")?.clone();
    let palette = frame.palette.as_ref().or(palette.as_ref());
    let colour = |index: u8| match palette {
        Some(palette) => {
            let (colours, _) = palette.as_chunks();
            image::Rgb(colours.get(usize::from(index)).copied().unwrap_or_default())
        }
        None => image::Rgb([index; 3]),
    };
    let [right, below] =
        [(frame.left, frame.width), (frame.top, frame.height)].map(|(at, size)| at.saturating_add(size));
    let (width, height) = (u32::from(width.max(right)), u32::from(height.max(below)));
    check_size(width as usize, height as usize)?;
    let mut pixels = vec![0; decoder.buffer_size()];
    decoder.read_into_buffer(&mut pixels).map_err(reason)?;
    let mut image = RgbImage::from_pixel(width, height, colour(frame.transparent.unwrap_or_default()));
    for (row, indices) in pixels.chunks_exact(usize::from(frame.width).max(1)).enumerate() {
        for (column, index) in indices.iter().enumerate() {
            image.put_pixel(
                u32::from(frame.left) + column as u32,
                u32::from(frame.top) + row as u32,
                colour(*index),
            );
        }
    }
    Ok(image)
}

/// As Pillow does, whose decoder this is: libjpeg-turbo, with its whole inverse transform and smooth enlargement of colour planes.
fn decode_jpeg(bytes: &[u8]) -> std::result::Result<RgbImage, String> {
    // The decoder fills what a cut-off JPEG lacks with grey; a missing end tells.
    if !has_jpeg_end(bytes) {
        return Err("the file is cut off (no end-of-image marker)".into());
    }
    let reason = |error: std::io::Error| error.to_string();
    let decoder = Decompress::new_mem(bytes).map_err(reason)?;
    let (width, height) = decoder.size();
    check_size(width, height)?;
    let pixels = match decoder.components().len() {
        1 => {
            let grey =
                decoder.grayscale().and_then(|mut rows| rows.read_scanlines::<u8>()).map_err(reason)?;
            grey.into_iter().flat_map(|level| [level; 3]).collect()
        }
        4 => {
            let inks = decoder.to_colorspace(ColorSpace::JCS_CMYK);
            let inks = inks.and_then(|mut rows| rows.read_scanlines::<[u8; 4]>()).map_err(reason)?;
            inks.into_iter().flat_map(of_inks).collect()
        }
        _ => decoder
            .rgb()
            .and_then(|mut rows| rows.read_scanlines::<[u8; 3]>())
            .map_err(reason)?
            .into_flattened(),
    };
    RgbImage::from_raw(width as u32, height as u32, pixels).ok_or_else(|| "it holds too few pixels".into())
}

/// Cyan, magenta, yellow and black, inverted as Adobe's programs write them, in Pillow's arithmetic.
fn of_inks([cyan, magenta, yellow, white]: [u8; 4]) -> [u8; 3] {
    [cyan, magenta, yellow].map(|ink| {
        let product = u32::from(255 - ink) * u32::from(white) + 128;
        white.saturating_sub(((product + (product >> 8)) >> 8) as u8)
    })
}

/// 8 bits and three channels. Pillow keeps the upper byte of 16 bits, but takes 16-bit grey for numbers and cuts them off at 255.
fn to_rgb(image: DynamicImage) -> RgbImage {
    let upper = |level: u16| (level >> 8) as u8;
    match image {
        DynamicImage::ImageLuma8(grey) => repeated(&grey),
        DynamicImage::ImageLuma16(grey) => {
            let level = |x, y| grey.get_pixel(x, y)[0].min(255) as u8;
            RgbImage::from_fn(grey.width(), grey.height(), |x, y| image::Rgb([level(x, y); 3]))
        }
        DynamicImage::ImageLumaA16(_) | DynamicImage::ImageRgb16(_) | DynamicImage::ImageRgba16(_) => {
            let wide = image.into_rgb16();
            RgbImage::from_fn(wide.width(), wide.height(), |x, y| {
                image::Rgb(wide.get_pixel(x, y).0.map(upper))
            })
        }
        _ => image.into_rgb8(),
    }
}

/// Grey in three channels. The library converts it through floats, which takes as long as decoding it.
pub(super) fn repeated(grey: &GrayImage) -> RgbImage {
    RgbImage::from_fn(grey.width(), grey.height(), |x, y| image::Rgb([grey.get_pixel(x, y)[0]; 3]))
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
