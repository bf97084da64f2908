//! The finished runs below a base folder and its replicates, ours and those that the reference wrote.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::{Experiment, Registry};
use crate::error::{Error, Result};
use crate::run::{Curves, Located, Status, Summary, find_runs, replicate_base};
use crate::setting::regex;

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
    curves: Curves,
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
    for located in find_runs(base)?.into_iter().filter(|located| regex.is_match(&located.key)) {
        seen.push(located.key.clone());
        match read(located, registry)? {
            Ok(run) => found.runs.push(run),
            Err(reason) => found.missing.push(reason),
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

/// A finished run, or why there is none.
fn read(located: Located, registry: &Registry) -> Result<std::result::Result<Finished, String>> {
    let summary = Summary::read(&located, registry)?;
    let (epoch, status) = (summary.epoch(), summary.status());
    let Located { key, replicate, run } = located;
    let folder = run.root().display();
    let Summary { experiment: Some(experiment), curves, .. } = summary else {
        return Ok(Err(format!("{folder} (no run.ron, and no known key)")));
    };
    let epochs = experiment.train.epochs;
    Ok(match epoch {
        _ if status == Status::Done => Ok(Finished { key, replicate, experiment, curves }),
        Some(epoch) => Err(format!("{folder} (at epoch {epoch} of {epochs})")),
        None => Err(format!("{folder} (no evaluation yet)")),
    })
}
