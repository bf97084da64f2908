//! Rare kinds of images whose pixels would differ from Pillow's: they are refused.

use image::ImageFormat;
use image::metadata::Orientation;

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
        ImageFormat::Pnm => in_pnm(bytes),
        _ => None,
    };
    what.map_or(Ok(()), |what| Err(format!("{format:?} with {what} is not supported; save it as PNG")))
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
