//! Features as one file for other programs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use safetensors::tensor::Dtype;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::ModuleFeatures;
use super::npy;
use crate::checkpoint::write_header;
use crate::data::{Dataset, Labelling};
use crate::error::{Error, Result};
use crate::file::{folder_of, remove_temporaries, write_atomically};

/// The names of the arrays beside those of the modules.
const IDS: &str = "ids";
const LABELS: &str = "labels";

/// Writes features of modules, `[samples, width]` in single precision, each under its module's name, with the `labels` of the samples
/// as int64 (`[samples]`, or `[samples, findings]` of 0 and 1) and their `ids`. A file `*.npz` has the ids as an array of texts,
/// one `*.safetensors` in its metadata, a line each. `compute` is asked for the features once the name is known to be good; they are
/// copied from file to file, whatever their size, and returned.
///
/// # Errors
/// [`Error::Usage`] for a name with another ending; [`Error::Io`] naming the file; those of `compute`.
pub fn export(
    path: &Path,
    dataset: &Dataset,
    compute: impl FnOnce() -> Result<Vec<ModuleFeatures>>,
) -> Result<Vec<ModuleFeatures>> {
    let shown = path.display();
    let write: fn(&Files, &Dataset, &mut dyn Write) -> io::Result<()> = match path
        .extension()
        .and_then(|ending| ending.to_str())
    {
        Some("npz") => npz,
        Some("safetensors") => safetensors,
        _ => return Err(Error::usage(format!("{shown} names no format; end it in .npz or .safetensors"))),
    };
    let features = compute()?;
    let files = features.iter().map(|of| Ok((of, of.bytes()?))).collect::<Result<Vec<_>>>()?;
    remove_temporaries(folder_of(path));
    write_atomically(path, |file| write(&files, dataset, file))?;
    drop(files);
    Ok(features)
}

/// A module's features, and their bytes from where the file stands.
type Files<'a> = [(&'a ModuleFeatures, std::fs::File)];

fn npz(files: &Files, dataset: &Dataset, file: &mut dyn Write) -> io::Result<()> {
    let mut zip = ZipWriter::new_stream(file);
    let start = |zip: &mut ZipWriter<_>, name: &str, bytes: usize| {
        let large = bytes as u64 >= u64::from(u32::MAX) / 2;
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
        zip.start_file(format!("{name}.npy"), options)
    };
    for (ModuleFeatures { module, samples, width, .. }, bytes) in files {
        start(&mut zip, module, samples * width * size_of::<f32>())?;
        npy::write_header(&mut zip, "<f4", &[*samples, *width])?;
        io::copy(&mut &*bytes, &mut zip)?;
    }
    let (labels, shape) = labels(dataset);
    start(&mut zip, LABELS, size_of_val(labels.as_slice()))?;
    npy::write_header(&mut zip, "<i8", &shape)?;
    write_labels(&labels, &mut zip)?;
    let ids = (0..dataset.len()).map(|sample| dataset.id(sample));
    let longest = ids.clone().map(str::len).max().unwrap_or(0);
    start(&mut zip, IDS, dataset.len() * longest * size_of::<u32>())?;
    npy::write_texts(&mut zip, ids)?;
    zip.finish()?;
    Ok(())
}

fn safetensors(files: &Files, dataset: &Dataset, file: &mut dyn Write) -> io::Result<()> {
    let ids = (0..dataset.len()).map(|sample| dataset.id(sample)).collect::<Vec<_>>().join("\n");
    let metadata = BTreeMap::from([(IDS.to_owned(), ids)]);
    let shapes: Vec<[usize; 2]> = files.iter().map(|(of, _)| [of.samples, of.width]).collect();
    let (labels, shape) = labels(dataset);
    let modules =
        files.iter().zip(&shapes).map(|((of, _), shape)| (of.module.as_str(), Dtype::F32, &shape[..]));
    write_header(&metadata, modules.chain([(LABELS, Dtype::I64, &shape[..])]), file)?;
    for (_, bytes) in files {
        io::copy(&mut &*bytes, file)?;
    }
    write_labels(&labels, file)
}

/// The labels, row-major, and the lengths of their axes.
fn labels(dataset: &Dataset) -> (Vec<i64>, Vec<usize>) {
    let all = (0..dataset.len()).map(|sample| dataset.label(sample));
    match dataset.labelling() {
        Labelling::Class => (all.map(|label| label as i64).collect(), vec![dataset.len()]),
        Labelling::Findings(names) => {
            let bits =
                all.flat_map(|label| (0..names.len()).map(move |finding| (label >> finding & 1) as i64));
            (bits.collect(), vec![dataset.len(), names.len()])
        }
    }
}

fn write_labels(labels: &[i64], file: &mut dyn Write) -> io::Result<()> {
    file.write_all(&labels.iter().flat_map(|label| label.to_le_bytes()).collect::<Vec<u8>>())
}
