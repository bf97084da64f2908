//! List files as people have them: in UTF-8 with and without a byte-order mark, UTF-16 or Latin-1, with any ends of lines.

use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord};

use crate::error::{Error, Result};
use crate::file::{self, Foreign};

/// The text of a file, with `\n` at the ends of its lines. What is neither UTF-8 nor marked as UTF-16 is Latin-1.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Data`] if it is UTF-16 that does not fit together.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let bytes = file::read(path)?;
    let known = (!bytes.is_empty()).then(|| file::foreign(&bytes)).flatten();
    if let Some(clause) = known.and_then(Foreign::in_place_of_data) {
        return Err(Error::data(format!("{} {clause}", path.display())));
    }
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, odd) = rest.as_chunks();
        let text =
            odd.is_empty().then(|| char::decode_utf16(units.iter().map(|bytes| unit(*bytes))).collect());
        text.and_then(|text: std::result::Result<String, _>| text.ok()).ok_or_else(|| {
            Error::data(format!("{} begins as UTF-16 and is not; save it as UTF-8", path.display()))
        })
    };
    let text = match &bytes[..] {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => match std::str::from_utf8(rest) {
            Ok(text) => text.to_owned(),
            Err(_) => rest.iter().map(|byte| char::from(*byte)).collect(),
        },
    };
    if text.contains('\0') {
        return Err(Error::data(format!(
            "{} holds bytes of zero, as UTF-16 without a byte-order mark and UTF-32 have them; save it as UTF-8",
            path.display()
        )));
    }
    Ok(match text.contains('\r') {
        true => text.replace("\r\n", "\n").replace('\r', "\n"),
        false => text,
    })
}

/// A path as this system writes it, where a list was made on Windows.
pub(crate) fn with_forward_slashes(path: &str) -> String {
    path.replace('\\', "/")
}

/// A list whose values are separated by commas, below a header.
pub(crate) struct Table {
    /// Names of the columns, without spaces around them.
    pub header: StringRecord,
    /// Each with its line, from 1.
    pub rows: Vec<(usize, StringRecord)>,
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// Those of [`read_text`], and [`Error::Data`] naming the line that has fewer or more values than the header.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_text(path)?;
        let mut lines = Lines { text: &text, line: 1, counted: 0 };
        let wrong = |error: csv::Error, lines: &mut Lines| {
            let line = lines.of(error.position());
            Error::data(match error.kind() {
                ErrorKind::UnequalLengths { expected_len, len, .. } => format!(
                    "{}:{line} has {len} values, and the header {expected_len}; complete the line or take it out",
                    path.display()
                ),
                _ => format!("{} is no table of values with commas between them: {error}", path.display()),
            })
        };
        let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
        let mut header = reader.headers().map_err(|error| wrong(error, &mut lines))?.clone();
        header.trim();
        let mut rows = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|error| wrong(error, &mut lines))?;
            rows.push((lines.of(row.position()), row));
        }
        Ok(Self { header, rows })
    }

    /// The position of a column.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file and the columns that it has.
    pub fn column(&self, name: &str, path: &Path) -> Result<usize> {
        self.header.iter().position(|known| known == name).ok_or_else(|| {
            let columns = self.header.iter().collect::<Vec<_>>().join(", ");
            Error::data(format!(
                "{} has no column {name} but {columns}; keep the header that it came with, and commas between the values",
                path.display()
            ))
        })
    }
}

/// Counts the lines of a text up to its records, from the first on.
struct Lines<'a> {
    text: &'a str,
    /// The line of the byte up to which was counted.
    line: usize,
    counted: usize,
}

impl Lines<'_> {
    /// The line of a record, from 1. The parser gives the end of the record before, also where empty lines lie between.
    fn of(&mut self, position: Option<&csv::Position>) -> usize {
        let is_end = |byte: &u8| *byte == b'\n';
        let at = position.map_or(0, |position| position.byte() as usize);
        let bytes = self.text.as_bytes();
        let start = at + bytes[at..].iter().take_while(|byte| is_end(byte)).count();
        self.line += bytes[self.counted..start].iter().filter(|byte| is_end(byte)).count();
        self.counted = start;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_in_every_encoding() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        let text = "real/café/1.jpg 0\nreal/dog/2.jpg 1\n";
        let wide = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let files = [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [b"\xff\xfe".to_vec(), wide(u16::to_le_bytes)].concat(),
            [b"\xfe\xff".to_vec(), wide(u16::to_be_bytes)].concat(),
            text.chars().map(|letter| u32::from(letter) as u8).collect(),
            text.replace('\n', "\r\n").into_bytes(),
            text.replace('\n', "\r").into_bytes(),
        ];
        for bytes in files {
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(read_text(&path).unwrap(), text, "{bytes:x?}");
        }
        for (bytes, part) in [
            (b"\xff\xfea".to_vec(), "save it as UTF-8"),
            (wide(u16::to_le_bytes), "save it as UTF-8"),
            (b"\x1f\x8b\x08\0".to_vec(), "gunzip"),
            (b"<!DOCTYPE html><html>".to_vec(), "web page"),
            (b"version https://git-lfs.github.com/spec/v1\n".to_vec(), "git lfs pull"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert!(read_text(&path).unwrap_err().to_string().contains(part), "{part}");
        }
    }

    #[test]
    fn a_short_row_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        std::fs::write(&path, "\u{feff}Path, Edema\r\na,1\r\n\r\nb\r\n").unwrap();
        let message = Table::read(&path).err().unwrap().to_string();
        assert!(message.contains("list.csv:4 has 1 values, and the header 2"), "{message}");
        std::fs::write(&path, "\u{feff}Path, Edema\r\na,1\r\n").unwrap();
        let table = Table::read(&path).unwrap();
        assert_eq!((table.column("Edema", &path).unwrap(), table.rows[0].0), (1, 2));
        assert!(table.column("Age", &path).unwrap_err().to_string().contains("Path, Edema"));
    }
}
