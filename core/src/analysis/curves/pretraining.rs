//! Which epoch of pre-training is worth tuning from (paper, Figure 7).

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::statistic::cell;
use super::{Choice, Finished, Measured, Statistic, Summary, find, missing_note, name};
use crate::analysis::record::Stored;
use crate::checkpoint::Location;
use crate::config::Registry;
use crate::error::{Error, Result};
use crate::figure::{Chart, Drawing, Series, Table};
use crate::number;
use crate::run::{EPOCH_STEM, RunDir, read_metrics, tag};
use crate::train::start::find_pretrained;

/// Finds the reference's keys of the sweep.
pub const KEYS: &str = "^finetune_ckpt/";

/// The sweep over epochs of pre-training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pretraining {
    /// The regular expression that was found in the keys.
    pub keys: String,
    /// How runs became points.
    pub choice: Choice,
    /// By data set and epoch.
    pub points: Vec<PretrainingPoint>,
    /// Test accuracy of the pre-trained networks themselves by epoch, percent, where their run lies below the base folder.
    pub pretrained: BTreeMap<usize, f64>,
    /// Runs that are not there, or that start from no numbered epoch.
    pub missing: Vec<String>,
}

/// One data set, tuned from one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PretrainingPoint {
    /// Name of the data set.
    pub data: String,
    /// Epoch of pre-training; 0 is before it.
    pub epoch: usize,
    /// What tuning came to.
    pub tuned: Measured,
}

/// The sweep over the finished runs in whose key a regular expression is found, by the epoch in the name of
/// `train.finetune_from` (`…/ckpt-E030…`).
///
/// # Errors
/// Those of [`find`], and [`Error::Usage`] for runs of one point that differ in more than chance, for a rate that no run has,
/// and if no run starts from a numbered epoch.
pub fn pretraining(base: &Path, keys: &str, choice: Choice, registry: &Registry) -> Result<Pretraining> {
    let found = find(base, keys, registry)?;
    let mut missing = found.missing;
    let mut pretrained = BTreeMap::new();
    let mut groups: BTreeMap<(&str, usize), Vec<&Finished>> = BTreeMap::new();
    for run in &found.runs {
        let source = run.experiment.train.finetune_from.as_deref();
        let Some((source, epoch)) = source.and_then(|source| Some((source, epoch_of(source)?))) else {
            missing.push(format!("{} (starts from no numbered epoch)", run.key));
            continue;
        };
        groups.entry((&run.experiment.data.name, epoch)).or_default().push(run);
        if let Entry::Vacant(entry) = pretrained.entry(epoch) {
            entry.insert(own_accuracy(source, base, epoch)?);
        }
    }
    if groups.is_empty() {
        return Err(Error::usage(format!(
            "none of the {} runs starts from a numbered epoch (train.finetune_from=…/ckpt-E030…); choose others",
            found.runs.len()
        )));
    }
    let mut points = Vec::new();
    for ((data, epoch), runs) in groups {
        let tuned = choice.measure(&runs)?;
        points.extend(tuned.map(|tuned| PretrainingPoint { data: data.to_owned(), epoch, tuned }));
    }
    if points.is_empty() {
        return Err(choice.nothing(&found.runs));
    }
    let pretrained =
        pretrained.into_iter().filter_map(|(epoch, accuracy)| Some((epoch, accuracy?))).collect();
    Ok(Pretraining { keys: keys.to_owned(), choice, points, pretrained, missing })
}

fn epoch_of(source: &str) -> Option<usize> {
    Location::parse(source).stem().strip_prefix(EPOCH_STEM)?.parse().ok()
}

/// What the run of a pre-trained checkpoint says of its own test images.
fn own_accuracy(source: &str, base: &Path, epoch: usize) -> Result<Option<f64>> {
    let run = find_pretrained(source, base).ok().and_then(|location| RunDir::of_checkpoint(&location));
    let records = run.map(|run| read_metrics(&run.metrics())).transpose()?.unwrap_or_default();
    Ok(records
        .iter()
        .filter(|record| record.epoch == epoch)
        .find_map(|record| record.value(tag::TEST_ACCURACY)))
}

impl Pretraining {
    /// One line for each data set; `value` is what it shows.
    fn chart(&self, y: &str, value: fn(&Measured) -> Option<Statistic>) -> Chart {
        let data: BTreeSet<&str> = self.points.iter().map(|point| point.data.as_str()).collect();
        let series = data.into_iter().map(|data| {
            let own = self.points.iter().filter(|point| point.data == data);
            let found = own.filter_map(|point| Some((point.epoch as f64, value(&point.tuned)?)));
            let (points, deviations): (Vec<_>, Vec<_>) = found
                .map(|(epoch, value)| ((epoch, value.mean), value.deviation.unwrap_or(f64::NAN)))
                .unzip();
            let is_known = deviations.iter().any(|deviation| deviation.is_finite());
            Series { label: data.to_owned(), points, band: if is_known { deviations } else { Vec::new() } }
        });
        Chart {
            x: "epoch of pre-training".to_owned(),
            y: y.to_owned(),
            series: series.collect(),
            ..Chart::default()
        }
    }
}

impl Stored for Pretraining {
    fn name(&self) -> String {
        name("pretraining", &(&self.keys, self.choice))
    }
}

impl Summary for Pretraining {
    fn table(&self) -> Table {
        let columns =
            ["data", "pre-training epoch", "test, %", "train, %", "rate", "runs", "pre-trained test, %"];
        let rows = self.points.iter().map(|PretrainingPoint { data, epoch, tuned }| {
            vec![
                data.clone(),
                epoch.to_string(),
                tuned.test.text(),
                cell(tuned.train.as_ref()),
                tuned.rate.to_string(),
                tuned.instances.len().to_string(),
                number::or_absent(self.pretrained.get(epoch).copied(), number::percent),
            ]
        });
        Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
    }

    fn figures(&self) -> Vec<(String, Drawing)> {
        let mut test = self.chart("test accuracy after tuning, %", |tuned| Some(tuned.test));
        if !self.pretrained.is_empty() {
            let points = self.pretrained.iter().map(|(epoch, accuracy)| (*epoch as f64, *accuracy));
            test.series.push(Series::new("pre-trained, own test images", points.collect()));
        }
        let train = self.chart("mean training accuracy, %", |tuned| tuned.train);
        vec![("test".to_owned(), Drawing::from(test)), ("train".to_owned(), Drawing::from(train))]
    }

    fn notes(&self) -> Vec<String> {
        self.choice.notes().into_iter().chain(missing_note(&self.missing)).collect()
    }
}
