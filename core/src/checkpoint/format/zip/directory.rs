//! The directory at the end of a zip file (APPNOTE.TXT, sections 4.3 and 4.5.3). Written here because the records that
//! `torch.save` puts before the end of an archive whose name has 21 characters are taken by the `zip` crate for a shift.

use std::ops::Range;

use super::super::{Fault, damaged};

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
/// Bytes of the end without its comment, which has at most 65,535.
const END_LENGTH: usize = 22;

/// A file in an archive.
#[derive(Debug)]
pub(in super::super) struct Entry {
    pub name: String,
    /// Of its bytes as they are stored.
    pub place: Range<usize>,
    /// In bytes, unpacked.
    pub length: usize,
    pub method: u16,
    pub is_encrypted: bool,
}

/// Little-endian numbers at places of some bytes.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn number(&self, at: usize, size: usize) -> Result<u64, Fault> {
        let bytes = self.0.get(at..at.saturating_add(size)).ok_or_else(cut)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn place(&self, at: usize, size: usize) -> Result<usize, Fault> {
        usize::try_from(self.number(at, size)?).map_err(|_| cut())
    }

    fn starts(&self, at: usize, signature: &[u8]) -> bool {
        self.0.get(at..).is_some_and(|rest| rest.starts_with(signature))
    }
}

fn cut() -> Fault {
    damaged("the directory of its archive is not whole")
}

/// All files of an archive, in its order. Each lies within the archive, and no two share a byte.
pub(in super::super) fn entries(bytes: &[u8]) -> Result<Vec<Entry>, Fault> {
    let fields = Fields(bytes);
    let (count, mut at) = start(&fields)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        if !fields.starts(at, CENTRAL) {
            return Err(cut());
        }
        let (flags, method) = (fields.number(at + 8, 2)?, fields.number(at + 10, 2)? as u16);
        let (packed, unpacked) = (fields.place(at + 20, 4)?, fields.place(at + 24, 4)?);
        let (name, extra, comment) =
            (fields.place(at + 28, 2)?, fields.place(at + 30, 2)?, fields.place(at + 32, 2)?);
        let local = fields.place(at + 42, 4)?;
        let (names, extras) = (at + 46, at + 46 + name);
        let [unpacked, packed, local] = large(&fields, extras..extras + extra, [unpacked, packed, local])?;
        let name = bytes.get(names..extras).ok_or_else(cut)?;
        if !fields.starts(local, LOCAL) {
            return Err(cut());
        }
        let start = local + 30 + fields.place(local + 26, 2)? + fields.place(local + 28, 2)?;
        let end = start.checked_add(packed).filter(|end| *end <= bytes.len()).ok_or_else(cut)?;
        entries.push(Entry {
            name: String::from_utf8_lossy(name).into_owned(),
            place: start..end,
            length: unpacked,
            method,
            is_encrypted: flags & 1 == 1,
        });
        at = extras + extra + comment;
    }
    let mut places: Vec<_> = entries.iter().map(|entry| &entry.place).collect();
    places.sort_unstable_by_key(|place| (place.start, place.end));
    match places.windows(2).any(|pair| pair[0].end > pair[1].start) {
        true => Err(damaged("its records overlap")),
        false => Ok(entries),
    }
}

/// How many entries there are, and where the first is: in the end of the archive, or in the record for large ones before it.
fn start(fields: &Fields) -> Result<(u64, usize), Fault> {
    let last = fields.0.len().checked_sub(END_LENGTH).ok_or_else(cut)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    let ends_at = |at: &usize| {
        let comment = fields.place(at + END_LENGTH - 2, 2).ok()?;
        fields.starts(*at, END).then_some(at + END_LENGTH + comment)
    };
    let exact = (first..=last).rev().find(|at| ends_at(at) == Some(fields.0.len()));
    // Something may have been appended to the archive.
    let inside = || (first..=last).rev().find(|at| ends_at(at).is_some_and(|end| end < fields.0.len()));
    let end = exact.or_else(inside).ok_or_else(cut)?;
    if let Some(locator) = end.checked_sub(20)
        && fields.starts(locator, LOCATOR_64)
    {
        let record = fields.place(locator + 8, 8)?;
        if !fields.starts(record, END_64) {
            return Err(cut());
        }
        return Ok((fields.number(record + 32, 8)?, fields.place(record + 48, 8)?));
    }
    Ok((fields.number(end + 10, 2)?, fields.place(end + 16, 4)?))
}

/// Lengths and places, where those of them that do not fit into 32 bits stand in the extra field 1, in this order.
fn large(fields: &Fields, extra: Range<usize>, mut numbers: [usize; 3]) -> Result<[usize; 3], Fault> {
    let mut at = extra.start;
    while at + 4 <= extra.end {
        let (id, length) = (fields.number(at, 2)?, fields.place(at + 2, 2)?);
        if id == 1 {
            let mut inside = at + 4;
            for number in &mut numbers {
                if *number == u32::MAX as usize {
                    *number = fields.place(inside, 8)?;
                    inside += 8;
                }
            }
            break;
        }
        at += 4 + length;
    }
    Ok(numbers)
}
