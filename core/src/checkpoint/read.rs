//! Opening a file: what it says of itself at once, the values as they are asked for. Nothing in it is trusted.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::format::{self, Contents, Fault, Stored, Values};
use super::{TensorInfo, element};
use crate::error::{Error, Result};

/// What wrappers put before every name.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// Which tensors of a file are meant, where it is not what their format and names say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection<'a> {
    /// The part of a file of `torch.save` that holds them, such as `model_ema` or `model.state_dict`.
    pub part: Option<&'a str>,
    /// What their names begin with and lose, such as `backbone.`. Tensors whose names begin otherwise are left out.
    pub strip: Option<&'a str>,
}

/// A checkpoint's file, of which only the description has been read.
#[derive(Debug)]
pub struct Reader {
    /// The name of the file's format: `safetensors`, `PyTorch` or `PyTorch before 1.6`.
    pub format: &'static str,
    /// Such as `key`, `epoch`, `arch` and `metric`.
    pub metadata: BTreeMap<String, String>,
    /// In the order of the values in safetensors files, by name in others.
    pub tensors: Vec<TensorInfo>,
    /// The part of the file that has these tensors, such as `state_dict`; empty for the whole.
    pub part: String,
    /// All parts of the file that have tensors, with their numbers of tensors.
    pub parts: Vec<(String, usize)>,
    path: PathBuf,
    kind: &'static str,
    values: Box<dyn Values>,
    /// Where the values of each tensor are among all values.
    positions: Vec<usize>,
}

impl Reader {
    /// Opens a file in the format that its content shows, whatever its name is.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file and what is wrong with it;
    /// [`Error::Io`] if it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_selection(path, Selection::default())
    }

    /// The same of some of its tensors.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and the same where the file has no such tensors, with the parts that it has.
    pub fn open_selection(path: &Path, selection: Selection) -> Result<Self> {
        let (format, contents) = format::open(path, selection.part)?;
        let Contents { metadata, tensors, values, part, parts } = contents;
        let (positions, tensors) = named(tensors, selection.strip.unwrap_or_default())
            .map_err(|fault| fault.error(path, format.kind))?;
        let (path, kind) = (path.to_owned(), format.kind);
        Ok(Self { format: format.name, metadata, tensors, part, parts, path, kind, values, positions })
    }

    /// The values of a tensor, row-major, as float32.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file and the tensor.
    ///
    /// # Panics
    /// If there are not so many tensors.
    pub fn values(&self, index: usize) -> Result<Vec<f32>> {
        let (dtype, bytes) = self.stored(index)?;
        let values = element::floats(dtype, &bytes).ok_or_else(|| self.unread(index))?;
        self.check_unchanged()?;
        Ok(values)
    }

    /// Whether a value of a tensor is not exact in float32.
    ///
    /// # Errors
    /// Those of [`Self::values`].
    ///
    /// # Panics
    /// If there are not so many tensors.
    pub fn is_rounded(&self, index: usize) -> Result<bool> {
        let (dtype, bytes) = self.stored(index)?;
        Ok(element::is_rounded(dtype, &bytes))
    }

    /// # Errors
    /// [`Error::Data`] if another process has written into the file since it was opened.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        if self.values.is_changed() { Err(format::changed(&self.path)) } else { Ok(()) }
    }

    /// The type of a tensor's values, and their bytes, little-endian.
    pub(super) fn stored(&self, index: usize) -> Result<Stored<'_>> {
        let stored =
            self.values.read(self.positions[index]).map_err(|fault| fault.error(&self.path, self.kind))?;
        stored.ok_or_else(|| self.unread(index))
    }

    /// That the values of a tensor are of a type that is not read.
    pub(super) fn unread(&self, index: usize) -> Error {
        let TensorInfo { name, dtype, .. } = &self.tensors[index];
        let clause = format!("has {name} as a tensor of {dtype}, which is not read; save it as float32");
        Fault::Unfit(clause).error(&self.path, self.kind)
    }
}

/// Tensors under the names that networks know them by, each with its position. Those are left out whose names do not begin with
/// `prefix`.
fn named(
    tensors: Vec<TensorInfo>,
    prefix: &str,
) -> std::result::Result<(Vec<usize>, Vec<TensorInfo>), Fault> {
    // Wrappers are taken off whether or not the prefix names them, and so is the full stop behind it.
    let (asked, prefix) = (prefix, unwrapped(prefix));
    let firsts: BTreeSet<String> = tensors
        .iter()
        .filter_map(|tensor| Some(format!("{}.", unwrapped(&tensor.name).split_once('.')?.0)))
        .collect();
    let named = tensors.into_iter().enumerate().filter_map(|(position, tensor)| {
        let rest = unwrapped(&tensor.name).strip_prefix(prefix)?;
        let rest = if prefix.is_empty() { rest } else { rest.trim_start_matches('.') };
        let name = unwrapped(rest).to_owned();
        Some((position, TensorInfo { name, ..tensor }))
    });
    let (positions, tensors): (Vec<usize>, Vec<TensorInfo>) = named.unzip();
    if tensors.is_empty() && !prefix.is_empty() {
        /// Beginnings in one message.
        const SHOWN: usize = 8;
        let more = if firsts.len() > SHOWN { " and others" } else { "" };
        let firsts: Vec<String> = firsts.into_iter().take(SHOWN).collect();
        return Err(Fault::Unfit(format!(
            "has no tensor whose name begins with {asked}; names begin with {}{more}",
            firsts.join(", ")
        )));
    }
    let mut names = HashSet::new();
    match tensors.iter().find(|tensor| !names.insert(tensor.name.as_str())) {
        Some(twice) => {
            Err(Fault::Unfit(format!("has two tensors called {}; save it with unique names", twice.name)))
        }
        None => Ok((positions, tensors)),
    }
}

/// A name without what the wrappers of data-parallel and compiled networks put before it.
fn unwrapped(name: &str) -> &str {
    match WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper)) {
        Some(rest) => unwrapped(rest),
        None => name,
    }
}
