//! Rare kinds of images, and files that are no images: what they are, for the message that refuses them. Among them are those whose
//! pixels would differ from Pillow's.

use image::ImageFormat;
use image::metadata::Orientation;

use crate::file;

/// Tags of a TIFF.
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const FILL_ORDER: u16 = 266;
const ORIENTATION: u16 = 274;
const EXTRA_SAMPLES: u16 = 338;

/// # Errors
/// What cannot be read as Pillow reads it, and what to do.
pub(super) fn check(format: ImageFormat, bytes: &[u8]) -> Result<(), String> {
    let what = match format {
        ImageFormat::Tiff => in_tiff(bytes),
        ImageFormat::Bmp if bytes.get(28..30) == Some(&[16, 0]) => Some("16 bits a pixel"),
        ImageFormat::Bmp => in_run_lengths(bytes),
        ImageFormat::WebP if blends_first_frame(bytes) => Some("a first frame that is blended"),
        ImageFormat::Pnm => in_pnm(bytes),
        _ => None,
    };
    what.map_or(Ok(()), |what| Err(format!("{format:?} with {what} is not supported; save it as PNG")))
}

/// What a file is that is of no format that is read.
pub(super) fn unknown(bytes: &[u8]) -> String {
    /// What stands at a place of a file.
    const FORMATS: [(usize, &[u8], &str); 7] = [
        (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
        (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
        (0, b"\xff\x0a", "JPEG XL"),
        (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
        (4, b"ftyphei", "HEIC"),
        (0, b"8BPS", "Photoshop"),
        (128, b"DICM", "DICOM"),
    ];
    let is_there = |at: usize, word: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(word));
    let known = FORMATS.iter().find(|(at, word, _)| is_there(*at, word)).map(|(_, _, name)| *name);
    let is_targa = || bytes.len() > 18 && bytes[..bytes.len() - 2].ends_with(b"TRUEVISION-XFILE");
    match known.or_else(|| is_targa().then_some("TGA")) {
        Some(name) => format!("{name} is not supported; save it as PNG or JPEG"),
        None => match file::foreign(bytes) {
            Some(known) => {
                known.in_place_of_data().map_or_else(|| format!("it {}", known.is), |it| format!("it {it}"))
            }
            None => "it is of no known format".to_owned(),
        },
    }
}

fn in_tiff(bytes: &[u8]) -> Option<&'static str> {
    match (tag(bytes, COMPRESSION), tag(bytes, PHOTOMETRIC)) {
        (Some(6 | 7), _) => return Some("JPEG inside"),
        (_, Some(5)) => return Some("the inks of CMYK"),
        _ => {}
    }
    if tag(bytes, FILL_ORDER) == Some(2) {
        return Some("reversed bits (FillOrder 2)");
    }
    (tag(bytes, EXTRA_SAMPLES) == Some(1)).then_some("premultiplied transparency")
}

/// Pixels that the run lengths of a BMP leave out: they have the first colour of the palette in Pillow.
fn in_run_lengths(bytes: &[u8]) -> Option<&'static str> {
    const LEFT_OUT: Option<&str> = Some("run lengths that leave pixels out");
    let long = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    // Pixels of a byte that is no run: one of 8 bits, two of 4 bits.
    let pixels_of_byte = match long(30)? {
        1 => 1,
        2 => 2,
        _ => return None,
    };
    let (width, height) = (long(18)? as usize, long(22)?.cast_signed().unsigned_abs() as usize);
    let mut codes = bytes.get(long(10)? as usize..)?;
    let (mut row, mut column) = (0, 0);
    while let [count, value, rest @ ..] = codes {
        codes = rest;
        match (*count, *value) {
            (0, 0) if column < width => return LEFT_OUT,
            (0, 0) => (row, column) = (row + 1, 0),
            (0, 1) => {
                let rows = if column >= width { row + 1 } else { row };
                return if rows < height { LEFT_OUT } else { None };
            }
            (0, 2) => return LEFT_OUT,
            (0, pixels) => {
                // As many pixels as they are, in an even number of bytes.
                let stored = usize::from(pixels).div_ceil(pixels_of_byte).next_multiple_of(2);
                codes = codes.get(stored..)?;
                column += usize::from(pixels);
            }
            (pixels, _) => column += usize::from(pixels),
        }
    }
    None
}

/// Whether the first frame of an animated WebP with transparency is blended with what is before it, which is nothing.
fn blends_first_frame(bytes: &[u8]) -> bool {
    const HAS_ALPHA: u8 = 0x10;
    const IS_NOT_BLENDED: u8 = 0x02;
    /// From the name of a frame's chunk to its flags: name, length, place, size, duration.
    const TO_FLAGS: usize = 4 + 4 + 6 + 6 + 3;
    let has_alpha =
        bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & HAS_ALPHA != 0);
    let frame = bytes.windows(4).position(|name| name == b"ANMF");
    let flags = frame.and_then(|frame| bytes.get(frame + TO_FLAGS));
    has_alpha && flags.is_some_and(|flags| flags & IS_NOT_BLENDED == 0)
}

/// How a TIFF is turned.
pub(super) fn orientation(tiff: &[u8]) -> Orientation {
    let number = tag(tiff, ORIENTATION).and_then(|number| u8::try_from(number).ok());
    number.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
}

/// The first number of a tag of 16-bit numbers in the first directory of a TIFF.
fn tag(bytes: &[u8], wanted: u16) -> Option<u16> {
    let is_little = bytes.starts_with(b"II");
    let short = |at: usize| {
        let two = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    };
    let long = |at: usize| {
        let four = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    };
    let directory = long(4)? as usize;
    let mut entries = (0..usize::from(short(directory)?)).map(|entry| directory + 2 + 12 * entry);
    let entry = entries.find(|entry| short(*entry) == Some(wanted))?;
    // Up to two numbers stand in the entry, more elsewhere.
    if long(entry + 4)? <= 2 { short(entry + 8) } else { short(long(entry + 8)? as usize) }
}

/// A largest level other than 255; of bits there is none.
fn in_pnm(bytes: &[u8]) -> Option<&'static str> {
    if !matches!(bytes.get(..2)?, b"P2" | b"P3" | b"P5" | b"P6") {
        return None;
    }
    let header = String::from_utf8_lossy(bytes.get(2..)?.get(..1024).unwrap_or(&bytes[2..])).into_owned();
    let without_comments = header.lines().flat_map(|line| line.split('#').next());
    let mut words = without_comments.flat_map(str::split_whitespace);
    (words.nth(2)? != "255").then_some("a largest level that is not 255")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_pnm_are_read_behind_comments() {
        assert_eq!(check(ImageFormat::Pnm, b"P6 # made by hand\n2 1\n255\nabcdef"), Ok(()));
        assert_eq!(check(ImageFormat::Pnm, b"P4 2 1 \xff"), Ok(()));
        assert!(check(ImageFormat::Pnm, b"P5\n2 1 65535\nabcd").unwrap_err().contains("255"));
    }

    #[test]
    fn run_lengths_of_a_bmp_leave_nothing_out() {
        // Two rows of three pixels, with these codes behind a header of 54 bytes.
        let check_codes = |compression: u8, codes: &[u8]| {
            let mut bytes = vec![0; 54];
            (bytes[10], bytes[18], bytes[22], bytes[28], bytes[30]) = (54, 3, 2, 8, compression);
            bytes.extend(codes);
            check(ImageFormat::Bmp, &bytes)
        };
        for whole in [
            [3, 7, 0, 0, 2, 7, 1, 8, 0, 0, 0, 1].as_slice(),
            &[3, 7, 0, 0, 3, 8, 0, 1],
            &[0, 3, 7, 8, 9, 0, 0, 0, 3, 8, 0, 1],
        ] {
            assert_eq!(check_codes(1, whole), Ok(()));
            // Without run lengths these are pixels.
            assert_eq!(check_codes(0, &[0, 0, 0, 1]), Ok(()));
        }
        assert_eq!(check_codes(2, &[0, 3, 0x78, 0x90, 0, 0, 3, 8, 0, 1]), Ok(()));
        for short in [[2, 7, 0, 0, 3, 8, 0, 1].as_slice(), &[3, 7, 0, 1], &[1, 7, 0, 2, 1, 0, 1, 7, 0, 1]] {
            assert!(check_codes(1, short).unwrap_err().contains("leave pixels out"));
        }
    }

    #[test]
    fn what_pillow_reads_otherwise_is_refused() {
        // A header, and a directory with one entry of one 16-bit number.
        let with = |tag: u16, value: u16| {
            let mut bytes = b"II*\0\x08\0\0\0\x01\0".to_vec();
            bytes.extend(tag.to_le_bytes());
            bytes.extend(b"\x03\0\x01\0\0\0");
            bytes.extend(value.to_le_bytes());
            bytes
        };
        for (tag, value, part) in [
            (COMPRESSION, 7, "JPEG"),
            (PHOTOMETRIC, 5, "CMYK"),
            (FILL_ORDER, 2, "FillOrder"),
            (EXTRA_SAMPLES, 1, "transparency"),
        ] {
            assert!(check(ImageFormat::Tiff, &with(tag, value)).unwrap_err().contains(part));
            assert_eq!(check(ImageFormat::Tiff, &with(tag, 0)), Ok(()));
        }
        assert_eq!(orientation(&with(ORIENTATION, 6)), Orientation::Rotate90);
        assert_eq!(orientation(b"II*\0"), Orientation::NoTransforms);
    }
}
