//! A tag over the epochs, instances of a key as one line with a band (paper, Figure 2).

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::choice::same_settings;
use super::{Finished, Statistic, Summary, find, missing_note, name};
use crate::analysis::record::Stored;
use crate::config::{Registry, Script};
use crate::error::{Error, Result};
use crate::figure::{Chart, Drawing, Series, Table};

/// Learning curves of many runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningCurves {
    /// The regular expression that was found in the keys.
    pub keys: String,
    /// What is drawn, such as `eval/test_acc`.
    pub tag: String,
    /// What that is, with its unit.
    pub title: String,
    /// One line for each key, in the order of the keys.
    pub curves: Vec<LearningCurve>,
    /// Runs that are not there.
    pub missing: Vec<String>,
}

/// Mean and deviation over the instances of a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningCurve {
    /// The key, without the seed that the reference's keys of shuffles end with.
    pub key: String,
    /// The parts of the key in which it differs from the others.
    pub label: String,
    /// How many runs.
    pub runs: usize,
    /// By epoch; 0 is before training.
    pub points: BTreeMap<usize, Statistic>,
}

/// Learning curves of a tag over finished runs, grouped by key.
///
/// # Errors
/// Those of [`find`], [`Error::Data`] naming the tags there are if no run has this one, and [`Error::Usage`] for runs of one
/// key that differ in more than chance, or that count in different units.
pub fn learning_curves(base: &Path, keys: &str, tag: &str, registry: &Registry) -> Result<LearningCurves> {
    let found = find(base, keys, registry)?;
    let mut missing = found.missing;
    let mut groups: BTreeMap<&str, Vec<&Finished>> = BTreeMap::new();
    for run in &found.runs {
        match run.curve(tag) {
            Some(_) => groups.entry(without_seed(&run.key)).or_default().push(run),
            None => missing.push(format!("{} (no {tag})", run.key)),
        }
    }
    let mut with_tag = groups.values().flatten();
    let Some(first) = with_tag.next() else {
        let tags: Vec<&str> = found.runs[0].tags().collect();
        return Err(Error::data(format!("no run has {tag}; {} has {}", found.runs[0].key, tags.join(", "))));
    };
    if let Some(other) = with_tag.find(|run| run.experiment.script != first.experiment.script) {
        return Err(Error::usage(format!(
            "{} and {} count in different units, percent of images and fractions of findings; narrow the regular expression",
            first.key, other.key
        )));
    }
    let labels = key_labels(&groups.keys().copied().collect::<Vec<_>>());
    let curves = groups.iter().zip(labels).map(|((key, runs), label)| {
        same_settings(runs)?;
        let mut values: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for (&epoch, &value) in runs.iter().filter_map(|run| run.curve(tag)).flatten() {
            values.entry(epoch).or_default().push(value);
        }
        let points = values.into_iter().filter_map(|(epoch, values)| Some((epoch, Statistic::of(values)?)));
        Ok(LearningCurve { key: (*key).to_owned(), label, runs: runs.len(), points: points.collect() })
    });
    let curves = curves.collect::<Result<_>>()?;
    let title = title(tag, first.experiment.script);
    Ok(LearningCurves { keys: keys.to_owned(), tag: tag.to_owned(), title, curves, missing })
}

/// The measure of an evaluation in words: `eval/test_acc` is the test accuracy. Other tags stand for themselves.
fn title(tag: &str, script: Script) -> String {
    let Some(measure) = tag.strip_prefix("eval/") else { return tag.to_owned() };
    let words = measure.split(['_', '/']).map(|word| match word {
        "acc" => "accuracy",
        "auc" => "AUC",
        word => word,
    });
    let percent = measure.ends_with("_acc") && script == Script::Imagenet;
    words.collect::<Vec<_>>().join(" ") + if percent { ", %" } else { "" }
}

/// The key without a last part `seed<N>`.
pub fn without_seed(key: &str) -> &str {
    let is_seed = |part: &str| part.strip_prefix("seed").is_some_and(|number| number.parse::<u32>().is_ok());
    key.rsplit_once('/').filter(|(_, last)| is_seed(last)).map_or(key, |(rest, _)| rest)
}

/// The parts of keys that are not the same in all; whole keys if they have different numbers of parts.
pub fn key_labels(keys: &[&str]) -> Vec<String> {
    let parts: Vec<Vec<&str>> = keys.iter().map(|key| key.split('/').collect()).collect();
    let differs = |place: usize| parts.iter().any(|key| key.get(place) != parts[0].get(place));
    let label = |key: &Vec<&str>| {
        let own: Vec<&str> = (0..key.len()).filter(|place| differs(*place)).map(|place| key[place]).collect();
        if own.is_empty() { key.join("/") } else { own.join("/") }
    };
    parts.iter().map(label).collect()
}

impl LearningCurves {
    /// The lines over the epochs.
    pub fn chart(&self) -> Chart {
        let series = self.curves.iter().map(|curve| Series {
            label: curve.label.clone(),
            points: curve.points.iter().map(|(epoch, value)| (*epoch as f64, value.mean)).collect(),
            band: match curve.runs {
                1 => Vec::new(),
                _ => curve.points.values().map(|value| value.deviation.unwrap_or(f64::NAN)).collect(),
            },
        });
        Chart { x: "epoch".to_owned(), y: self.title.clone(), series: series.collect(), ..Chart::default() }
    }
}

impl Stored for LearningCurves {
    fn name(&self) -> String {
        name(&self.tag.replace('/', "-"), &(&self.keys, &self.tag))
    }
}

impl Summary for LearningCurves {
    fn table(&self) -> Table {
        let columns = ["key", "runs", "last", "highest", "in epoch", "lowest", "in epoch"];
        let rows = self.curves.iter().map(|LearningCurve { key, runs, points, .. }| {
            let by_mean =
                |one: &(&usize, &Statistic), two: &(&usize, &Statistic)| one.1.mean.total_cmp(&two.1.mean);
            let at = |point: Option<(&usize, &Statistic)>| {
                point.map(|(epoch, value)| [value.text(), epoch.to_string()]).unwrap_or_default()
            };
            let [last, _] = at(points.last_key_value());
            let [highest, highest_at] = at(points.iter().max_by(by_mean));
            let [lowest, lowest_at] = at(points.iter().min_by(by_mean));
            vec![key.clone(), runs.to_string(), last, highest, highest_at, lowest, lowest_at]
        });
        Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
    }

    fn figures(&self) -> Vec<(String, Drawing)> {
        vec![("curves".to_owned(), Drawing::from(self.chart()))]
    }

    fn notes(&self) -> Vec<String> {
        let about = format!(
            "{}: mean ± standard deviation over the runs of a key, epoch 0 is before training",
            self.tag
        );
        std::iter::once(about).chain(missing_note(&self.missing)).collect()
    }
}
