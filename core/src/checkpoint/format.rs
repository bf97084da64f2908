//! The file formats of checkpoints: how each is recognised, read and written. A format is one file beside these and one line in
//! [`FORMATS`]; everything that depends on formats, from the window's file dialog to error messages, asks this table.

mod archive;
mod legacy;
mod pickle;
mod pytorch;
mod safetensors;
mod sharded;
mod tar;
mod zip;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io::{self, Write};
use std::path::Path;

use ::safetensors::tensor::Dtype;

use super::{Checkpoint, TensorInfo};
use crate::error::{Error, Remedy, Result};
use crate::file::{self, Mapped};
pub use pytorch::Pickled;
pub(crate) use safetensors::write_header;
pub(crate) use sharded::shards;

/// All formats. Where two could be meant, the earlier one counts: of content that begins like both, and of two checkpoints of one
/// epoch.
static FORMATS: [&Format; 5] =
    [&safetensors::FORMAT, &zip::FORMAT, &tar::FORMAT, &legacy::FORMAT, &sharded::FORMAT];

/// The ending of the checkpoints that training writes.
pub(crate) const OWN_ENDING: &str = ".safetensors";

/// A file format.
pub(super) struct Format {
    /// What `runner checkpoint inspect` and the window call it.
    pub name: &'static str,
    /// What error messages call a file of it.
    pub kind: &'static str,
    /// How the names of such files end; none for a format that is only read.
    pub endings: &'static [Ending],
    /// Whether the bytes of a whole file of this format could begin like these.
    sniff: fn(&[u8]) -> bool,
    /// Reads what a file says of its tensors, or of a part of them, and where their values are.
    open: fn(&Path, Mapped, Option<&str>) -> std::result::Result<Contents, Fault>,
}

/// How a file's name ends, and what is written into a file of such a name.
pub(super) struct Ending {
    /// With its dot: `.pth.tar`.
    pub suffix: &'static str,
    /// What the file holds, as a clause after "holds".
    pub holds: &'static str,
    /// Writes it. Equal checkpoints give equal bytes.
    pub write: fn(&Checkpoint, &mut dyn Write) -> io::Result<()>,
}

/// What opening a file gives.
pub(super) struct Contents {
    /// Numbers and texts that describe the checkpoint.
    pub metadata: BTreeMap<String, String>,
    /// The tensors.
    pub tensors: Vec<TensorInfo>,
    /// Their values.
    pub values: Box<dyn Values>,
    /// The part of the file that has these tensors, such as `state_dict`; empty for the whole.
    pub part: String,
    /// All parts that have tensors, with their numbers.
    pub parts: Vec<(String, usize)>,
}

/// The type of a tensor's values, and their bytes, row-major and little-endian.
pub(super) type Stored<'a> = (Dtype, Cow<'a, [u8]>);

/// The values of an open file's tensors.
pub(super) trait Values: fmt::Debug + Send + Sync {
    /// Those of the tensor at a position in [`Contents::tensors`]; none where they are not read.
    fn read(&self, index: usize) -> std::result::Result<Option<Stored<'_>>, Fault>;

    /// Whether another process has written into the file since it was opened. Ask after values were used.
    fn is_changed(&self) -> bool;
}

/// What is wrong with a file.
pub(super) enum Fault {
    /// Its bytes are not what its format demands: what it lacks, in words.
    Damaged(String),
    /// It is whole and holds what cannot be used: a clause after its name, with what to do.
    Unfit(String),
    /// A part has to be named: a clause after its name, with the parts that are there.
    WhichPart(String),
}

/// A fault of a file's bytes.
fn damaged(what: impl Display) -> Fault {
    Fault::Damaged(what.to_string())
}

impl Fault {
    /// The same fault of one tensor.
    fn about(self, tensor: &str) -> Self {
        match self {
            Self::Damaged(what) => Self::Damaged(format!("{tensor}: {what}")),
            other => other,
        }
    }

    /// The error that names the file, which error messages call a `kind`; on one line of bearable length.
    pub fn error(self, path: &Path, kind: &str) -> Error {
        const LONGEST: usize = 300;
        let path = path.display();
        match self {
            Self::Damaged(what) => {
                let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
                let what: String = what.chars().take(LONGEST).collect();
                Error::data(format!(
                    "{path} is not a whole {kind} ({what}); copy it again or choose another checkpoint"
                ))
            }
            Self::Unfit(clause) => Error::data(format!("{path} {clause}")),
            Self::WhichPart(clause) => Error::data(format!("{path} {clause}")).with(Remedy::NamePart),
        }
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// The format of a file with these bytes.
fn of_content(bytes: &[u8]) -> Option<&'static Format> {
    FORMATS.into_iter().find(|format| (format.sniff)(bytes))
}

/// The format and the ending that a file's name promises: of several endings that fit, the longest.
fn of_name(name: &str) -> Option<(&'static Format, &'static Ending)> {
    let endings = FORMATS.into_iter().flat_map(|format| format.endings.iter().map(move |e| (format, e)));
    endings.filter(|(_, ending)| name.ends_with(ending.suffix)).max_by_key(|(_, e)| e.suffix.len())
}

/// Opens a part of a file, or the one with the weights, in the format that its content shows.
///
/// # Errors
/// [`Error::Data`] naming the file and what is wrong with it, or what it is in place of a checkpoint.
pub(super) fn open(path: &Path, part: Option<&str>) -> Result<(&'static Format, Contents)> {
    if path.is_dir() {
        return Err(archive::folder(path));
    }
    let bytes = file::map(path)?;
    let Some(format) = of_content(&bytes) else { return Err(unknown(path, &bytes)) };
    let contents = (format.open)(path, bytes, part).map_err(|fault| fault.error(path, format.kind))?;
    if contents.values.is_changed() {
        return Err(changed(path));
    }
    Ok((format, contents))
}

/// Reads a file of Python's `pickle` that holds numbers, texts, lists and dictionaries.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Data`] naming the file if it is no pickle.
pub fn read_pickle(path: &Path) -> Result<Pickled> {
    let bytes = file::map(path)?;
    if let Some(format) = of_content(&bytes) {
        let clause = format!("is a checkpoint ({}); choose a pickle of results", format.name);
        return Err(Fault::Unfit(clause).error(path, "pickle"));
    }
    pytorch::plain(&bytes).map_err(|fault| match file::foreign(&bytes) {
        Some(known) if known != file::PICKLE => {
            Fault::Unfit(format!("{} in place of a pickle; choose another file", known.is))
                .error(path, "pickle")
        }
        _ => fault.error(path, "pickle"),
    })
}

/// That another process wrote into a file while it was read.
pub(super) fn changed(path: &Path) -> Error {
    Error::data(format!(
        "{} was changed by another program while it was read; wait until it is whole, and read it again",
        path.display()
    ))
}

/// That a file's content is of no format.
fn unknown(path: &Path, bytes: &[u8]) -> Error {
    let fault = if let Some(known) = file::foreign(bytes) {
        Fault::Unfit(known.in_place_of_checkpoint())
    } else if let Some((format, _)) = of_name(&path.file_name().unwrap_or_default().to_string_lossy()) {
        return damaged("it does not begin like one").error(path, format.kind);
    } else {
        Fault::Unfit(
            "is no checkpoint: its content is neither safetensors nor what torch.save writes; choose another file"
                .to_owned(),
        )
    };
    fault.error(path, "checkpoint")
}

/// How a checkpoint is written into a file of this name.
///
/// # Errors
/// [`Error::Usage`] listing the endings if the name has none of them.
pub(super) fn of_new_file(path: &Path) -> Result<&'static Ending> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let found = of_name(&name).map(|(_, ending)| ending);
    found.ok_or_else(|| {
        Error::usage(format!("{} names no format; end it in {}", path.display(), endings_in_words()))
    })
}

/// The part of a checkpoint's file name that promises its format, such as `.pth.tar`.
pub fn ending(name: &str) -> Option<&'static str> {
    of_name(name).map(|(_, ending)| ending.suffix)
}

/// Orders checkpoints of one epoch that differ in format, by their names: the preferred one is the smallest.
pub(crate) fn preference(name: &str) -> usize {
    let ending = ending(name);
    let position = all_endings().position(|known| Some(known.suffix) == ending);
    position.unwrap_or(usize::MAX)
}

fn all_endings() -> impl Iterator<Item = &'static Ending> {
    FORMATS.into_iter().flat_map(|format| format.endings)
}

/// All endings of checkpoints' names, each with its dot.
pub fn endings() -> impl Iterator<Item = &'static str> {
    all_endings().map(|ending| ending.suffix)
}

/// All endings as a part of a sentence: `.safetensors, .pth.tar, .pth or .pt`.
pub fn endings_in_words() -> String {
    let endings: Vec<&str> = endings().collect();
    match endings.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => endings.concat(),
    }
}

/// What is written into files of each ending, as one sentence.
pub fn endings_explained() -> String {
    let clauses: Vec<String> = all_endings().map(|e| format!("{} holds {}", e.suffix, e.holds)).collect();
    clauses.join("; ") + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(folder: &str, start: &str) -> Vec<(String, Vec<u8>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let files = entries.filter(|path| name(path).starts_with(start));
        files.map(|path| (name(&path), std::fs::read(path).unwrap())).collect()
    }

    /// The formats that a file could be of by its content.
    fn sniffed(bytes: &[u8]) -> Vec<&'static str> {
        FORMATS.into_iter().filter(|format| (format.sniff)(bytes)).map(|format| format.name).collect()
    }

    #[test]
    fn each_format_is_recognised_by_content_and_by_no_other() {
        let golden = [
            ("golden", "bare-state-dict.pth", "PyTorch"),
            ("golden", "upstream-cuda-partial", "PyTorch"),
            ("golden", "upstream-legacy-partial", "PyTorch before 1.6"),
            ("golden", "transforms.safetensors", "safetensors"),
            ("corpus", "good.safetensors", "safetensors"),
            ("corpus", "good-training", "PyTorch"),
            ("corpus", "good-bare", "PyTorch"),
            ("corpus", "good-legacy", "PyTorch before 1.6"),
            ("corpus", "tar.pth.tar", "PyTorch before 0.1.10"),
        ];
        for (folder, start, format) in golden {
            let files = named(folder, start);
            assert!(!files.is_empty(), "{folder}/{start}");
            for (name, bytes) in files {
                assert_eq!(sniffed(&bytes), [format], "{name}");
            }
        }
        // A header of 19,280 bytes, whose length begins with the letters of a zip file.
        let mut header = 0x4b50_u64.to_le_bytes().to_vec();
        header.resize(8 + 0x4b50, b' ');
        header[8] = b'{';
        assert_eq!(sniffed(&header), ["safetensors"]);
        for other in
            [b"".as_slice(), b"PK", b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"<!DOCTYPE html><html>", &[0; 600]]
        {
            assert_eq!(sniffed(other), [""; 0], "{other:?}");
        }
    }

    #[test]
    fn a_name_has_its_longest_ending() {
        assert_eq!(ending("a.pth.tar"), Some(".pth.tar"));
        assert_eq!(ending("a.tar.pth"), Some(".pth"));
        assert_eq!(ending("a.tar"), None);
        assert_eq!(endings_in_words(), ".safetensors, .pth.tar, .pth or .pt");
        assert_eq!(preference(&format!("a{OWN_ENDING}")), 0);
    }
}
