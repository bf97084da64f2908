//! NumPy's format of one array (NEP 1, version 1.0), which `.npz` archives are made of.

use std::io::{self, Write};

/// Header and values begin at multiples of so many bytes.
const ALIGNMENT: usize = 64;
/// What every array begins with: a magic word, and the version.
const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";

/// Writes what stands before the values of an array: its type, such as `<f4`, and its shape, row-major.
pub(super) fn write_header(file: &mut dyn Write, dtype: &str, shape: &[usize]) -> io::Result<()> {
    let lengths: String = shape.iter().map(|length| format!("{length}, ")).collect();
    let mut header =
        format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({}), }}", lengths.trim_end());
    let before = MAGIC.len() + size_of::<u16>();
    while !(before + header.len() + 1).is_multiple_of(ALIGNMENT) {
        header.push(' ');
    }
    header.push('\n');
    file.write_all(MAGIC)?;
    file.write_all(&u16::try_from(header.len()).map_err(io::Error::other)?.to_le_bytes())?;
    file.write_all(header.as_bytes())
}

/// Writes texts as an array of one axis, each filled up with zeros to the longest.
pub(super) fn write_texts<'a>(
    file: &mut dyn Write,
    texts: impl ExactSizeIterator<Item = &'a str> + Clone,
) -> io::Result<()> {
    let longest = texts.clone().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
    write_header(file, &format!("<U{longest}"), &[texts.len()])?;
    for text in texts {
        let letters = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(longest);
        file.write_all(&letters.flat_map(u32::to_le_bytes).collect::<Vec<u8>>())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_have_numpys_headers() {
        let mut file = Vec::new();
        write_header(&mut file, "<f4", &[3, 512]).unwrap();
        assert_eq!(file.len(), 128);
        assert!(file.ends_with(b"\n") && file.starts_with(b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', "));
        file.clear();
        write_texts(&mut file, ["a/\u{e9}", "b"].into_iter()).unwrap();
        let header = String::from_utf8_lossy(&file[10..128]).into_owned();
        assert!(header.contains("'descr': '<U3'") && header.contains("'shape': (2,), "), "{header}");
        assert_eq!(
            file[128..],
            [97, 0, 0, 0, 47, 0, 0, 0, 0xe9, 0, 0, 0, 98, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
    }
}
