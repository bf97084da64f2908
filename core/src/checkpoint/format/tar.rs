//! Tar files, as `torch.save` wrote them before PyTorch 0.1.10. They are recognised and not read: one may hold files that are
//! all holes.

use std::path::Path;

use memmap2::Mmap;

use super::{Contents, Format, pytorch};
use crate::error::{Error, Result};

pub(super) static FORMAT: Format =
    Format { name: "PyTorch before 0.1.10", kind: pytorch::KIND, endings: &[], sniff, open };

fn sniff(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

fn open(path: &Path, _: Mmap) -> Result<Contents> {
    Err(Error::data(format!(
        "{} is a tar archive, which only PyTorch before 0.1.10 wrote as a checkpoint; load it there and save it again, or choose another checkpoint",
        path.display()
    )))
}
