//! A module's features on disk: a safetensors file with one tensor, `[samples, width]`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::Dtype;
use tempfile::NamedTempFile;

use crate::checkpoint::{OWN_ENDING, Reader, write_header};
use crate::error::{Error, Result};
use crate::file::{open, persist, temporary_in};

/// The name of the tensor.
const TENSOR: &str = "features";

/// Where a module's features are kept, and whether they are there.
#[derive(Debug)]
pub(super) struct Known {
    /// The module's position in the network.
    pub stage: usize,
    /// Features of an image; none if they are not there.
    pub width: Option<usize>,
    folder: PathBuf,
    path: PathBuf,
    about: BTreeMap<String, String>,
}

impl Known {
    /// Looks for the features of so many samples that say `about` of themselves. What is broken counts as missing, and is computed
    /// anew.
    pub fn find(
        folder: &Path,
        stage: usize,
        name: &str,
        about: BTreeMap<String, String>,
        samples: usize,
    ) -> Self {
        let path = folder.join(name.to_owned() + OWN_ENDING);
        let width = Reader::open(&path).ok().and_then(|reader| match &reader.tensors[..] {
            [tensor] if reader.metadata == about => match tensor.shape[..] {
                [rows, width] if rows == samples => Some(width),
                _ => None,
            },
            _ => None,
        });
        Self { stage, width, folder: folder.to_owned(), path, about }
    }

    /// The features, under the name that the module was asked for by.
    pub fn features(self, name: &str, samples: usize) -> Result<ModuleFeatures> {
        let Self { width, path, .. } = self;
        let width = width.ok_or_else(|| Error::run(format!("{} was not kept", path.display())))?;
        Ok(ModuleFeatures { module: name.to_owned(), samples, width, path })
    }
}

/// The features of a module, on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleFeatures {
    /// Its name, as it was typed.
    pub module: String,
    /// Number of images.
    pub samples: usize,
    /// Features of an image.
    pub width: usize,
    path: PathBuf,
}

impl ModuleFeatures {
    /// All of them, `[samples, width]`, row-major.
    ///
    /// # Errors
    /// Those of [`Reader::open`] and [`Reader::values`].
    pub fn load(&self) -> Result<Vec<f32>> {
        Reader::open(&self.path)?.values(0)
    }

    /// Their bytes, row-major and little-endian, to be read from here to the end.
    pub(super) fn bytes(&self) -> Result<File> {
        let mut file = open(&self.path)?;
        let mut start = || {
            let mut length = [0; 8];
            file.read_exact(&mut length)?;
            file.seek(SeekFrom::Current(i64::try_from(u64::from_le_bytes(length)).map_err(io::Error::other)?))
        };
        start().map_err(Error::io("read", &self.path))?;
        Ok(file)
    }
}

/// Writes features as they come; the file has its name when it is whole.
pub(super) struct Writer {
    /// Samples so far.
    pub rows: usize,
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Writer {
    pub fn new(known: &Known, shape: [usize; 2]) -> Result<Self> {
        let path = known.path.clone();
        let begin = || {
            let mut file = BufWriter::with_capacity(1 << 20, temporary_in(&known.folder)?);
            write_header(&known.about, [(TENSOR, Dtype::F32, &shape[..])].into_iter(), &mut file)?;
            Ok(file)
        };
        let file = begin().map_err(Error::io("write", &path))?;
        Ok(Self { rows: 0, path, file })
    }

    /// Adds features `[rows, width]`.
    pub fn add(&mut self, values: &[f32], width: usize) -> Result<()> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.file.write_all(&bytes).map_err(Error::io("write", &self.path))?;
        self.rows += values.len() / width;
        Ok(())
    }

    pub fn finish(self) -> Result<()> {
        let file =
            self.file.into_inner().map_err(|error| Error::io("write", &self.path)(error.into_error()))?;
        persist(file, &self.path)
    }
}
