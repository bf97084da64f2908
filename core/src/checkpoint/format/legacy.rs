//! Files that `torch.save` wrote before PyTorch 1.6, and still writes with `_use_new_zipfile_serialization=False`: five pickles,
//! then the values.

use std::path::Path;

use memmap2::Mmap;

use super::{Contents, Format, Wrong, pickle, pytorch};
use crate::error::Result;

pub(super) static FORMAT: Format =
    Format { name: "PyTorch before 1.6", kind: pytorch::KIND, endings: &[], sniff, open };

/// The number 0x1950a86a20f9469cfc6c, which the first pickle holds: in bytes since pickle's protocol 2, before that in digits.
const MAGIC: [&[u8]; 2] =
    [&[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19], b"119547037146038801333356"];
/// The number begins and ends within so many bytes, whatever the protocol puts before it.
const WITHIN: usize = 64;

fn sniff(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(WITHIN)];
    MAGIC.iter().any(|magic| start.windows(magic.len()).any(|window| window == *magic))
}

fn open(path: &Path, bytes: Mmap) -> Result<Contents> {
    pytorch::open(path, &bytes, check)
}

/// Refuses pickles that do not end within a bearable length.
fn check(bytes: &[u8]) -> std::result::Result<(), Wrong> {
    /// Magic number, version, system, the saved object, and the order of what follows.
    const PICKLES: usize = 5;
    let mut length = 0;
    for _ in 0..PICKLES {
        let left = pytorch::LONGEST_PICKLE - length;
        length += pickle::length(&bytes[length..], left).ok_or("its pickles do not end")?;
    }
    Ok(())
}
