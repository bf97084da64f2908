//! Finding finished runs below a base folder and its replicates, ours and those that the reference wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::{Experiment, Registry, regex};
use crate::error::{Error, Result};
use crate::run::{RunDir, read_events, read_metrics, replicate_base};

/// Parts that a key may have; ends the search where links form a loop.
const DEPTH: usize = 10;
/// In the name of a folder that `--force` has set aside.
const SET_ASIDE: &str = ".old-";

/// A run that stands at its last epoch.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its folder below the base folder.
    pub key: String,
    /// Which instance of the key.
    pub replicate: u64,
    /// Its settings: those in `run.ron`, or the registry's for a folder that the reference wrote.
    pub experiment: Experiment,
    /// By tag and epoch.
    curves: BTreeMap<String, BTreeMap<usize, f64>>,
}

impl Finished {
    /// The finite values of a tag by epoch; 0 is before training.
    pub fn curve(&self, tag: &str) -> Option<&BTreeMap<usize, f64>> {
        self.curves.get(tag)
    }

    /// The tags that have values.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.curves.keys().map(String::as_str)
    }

    /// The value after the last epoch.
    pub fn last(&self, tag: &str) -> Option<f64> {
        self.curve(tag)?.get(&self.experiment.train.epochs).copied()
    }

    /// The mean over all epochs from `first_epoch` to the last, if each has a value.
    pub fn mean(&self, tag: &str, first_epoch: usize) -> Option<f64> {
        let epochs = first_epoch..=self.experiment.train.epochs;
        let count = epochs.clone().count();
        let values: Vec<f64> = self.curve(tag)?.range(epochs).map(|(_, value)| *value).collect();
        (values.len() == count).then(|| values.iter().sum::<f64>() / count as f64)
    }
}

/// Runs, and what was looked for in vain.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// By replicate and key.
    pub runs: Vec<Finished>,
    /// Keys of the registry without a finished run, and unfinished or unknown folders with what is wrong.
    pub missing: Vec<String>,
}

/// Finds the finished runs in whose key a regular expression is found, below `base` and `<base>-rep<N>`. Numbers are read
/// from `metrics.jsonl`, or else from the event files.
///
/// # Errors
/// [`Error::Usage`] if the pattern is no regular expression; [`Error::Data`] naming what was looked for if nothing is found, or
/// a broken file.
pub fn find(base: &Path, pattern: &str, registry: &Registry) -> Result<Found> {
    let regex = regex(pattern)?;
    let mut found = Found::default();
    let mut seen = Vec::new();
    for (replicate, base) in bases(base)? {
        let mut folders = Vec::new();
        collect(&base, DEPTH, &mut folders)?;
        for folder in folders {
            let key = folder.strip_prefix(&base).unwrap_or(&folder).to_string_lossy().into_owned();
            if regex.is_match(&key) {
                seen.push(key.clone());
                match read(folder, key, replicate, registry)? {
                    Ok(run) => found.runs.push(run),
                    Err(reason) => found.missing.push(reason),
                }
            }
        }
    }
    let expected = registry.matching(pattern)?;
    let absent = expected.iter().filter(|key| !seen.iter().any(|known| known == *key));
    found.missing.extend(absent.map(|key| (*key).to_owned()));
    if found.runs.is_empty() {
        let known = match found.missing.split_first() {
            None => "no key of the registry matches either; `runner configs` lists them".to_owned(),
            Some((first, [])) => format!("missing is {first}"),
            Some((first, rest)) => format!("missing are {first} and {} more", rest.len()),
        };
        return Err(Error::data(format!(
            "no finished run whose key matches {pattern} lies below {} or {}; {known}",
            base.display(),
            replicate_base(base, 1).display().to_string().replace("-rep1", "-repN"),
        )));
    }
    Ok(found)
}

/// The base folder and those of its replicates that are there, with their numbers.
fn bases(base: &Path) -> Result<Vec<(u64, PathBuf)>> {
    if !base.is_dir() {
        return Err(Error::data(format!(
            "there is no folder {}; name that of the runs with -b",
            base.display()
        )));
    }
    let one = replicate_base(base, 1);
    let stem = one.file_name().unwrap_or_default().to_string_lossy().trim_end_matches('1').to_owned();
    let parent = one.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let numbers =
        std::fs::read_dir(parent).map_err(Error::io("read", parent))?.flatten().filter_map(|entry| {
            entry.file_name().to_string_lossy().strip_prefix(&stem)?.parse().ok().filter(|number| *number > 0)
        });
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    let replicates = numbers.into_iter().map(|number| (number, replicate_base(base, number)));
    Ok(std::iter::once((0, base.to_owned())).chain(replicates.filter(|(_, base)| base.is_dir())).collect())
}

/// Folders of runs below a folder, sorted.
fn collect(folder: &Path, depth: usize, runs: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.retain(|path| !path.to_string_lossy().contains(SET_ASIDE));
    paths.sort();
    for path in paths {
        let run = RunDir::at(path.clone());
        if run.record_path().is_file() || run.events().is_dir() {
            runs.push(path);
        } else if depth > 0 {
            collect(&path, depth - 1, runs)?;
        }
    }
    Ok(())
}

/// A finished run, or why there is none.
fn read(
    folder: PathBuf,
    key: String,
    replicate: u64,
    registry: &Registry,
) -> Result<std::result::Result<Finished, String>> {
    let run = RunDir::at(folder);
    let experiment = match run.read_record()? {
        Some(record) => record.experiment,
        None if registry.keys().any(|known| known == key) => registry.get(&key)?,
        None => return Ok(Err(format!("{} (no run.ron, and no known key)", run.root().display()))),
    };
    let mut curves: BTreeMap<String, BTreeMap<usize, f64>> = BTreeMap::new();
    let mut add = |tag: String, epoch: usize, value: f64| {
        if value.is_finite() {
            curves.entry(tag).or_default().insert(epoch, value);
        }
    };
    if run.metrics().is_file() {
        for record in read_metrics(&run.metrics())? {
            record.values.into_iter().for_each(|(tag, value)| add(tag, record.epoch, value));
        }
    } else {
        for scalar in read_events(&run.events())? {
            if let Ok(epoch) = usize::try_from(scalar.step) {
                add(scalar.tag, epoch, f64::from(scalar.value));
            }
        }
    }
    let evaluations = curves.iter().filter(|(tag, _)| tag.starts_with("eval/"));
    let epoch = evaluations.filter_map(|(_, curve)| curve.keys().next_back()).max();
    let epochs = experiment.train.epochs;
    Ok(match epoch {
        Some(epoch) if *epoch >= epochs => Ok(Finished { key, replicate, experiment, curves }),
        Some(epoch) => Err(format!("{} (at epoch {epoch} of {epochs})", run.root().display())),
        None => Err(format!("{} (no evaluation yet)", run.root().display())),
    })
}
