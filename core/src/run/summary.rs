//! What a run's folder says of the run: its settings, its curves, how far it is.

use std::collections::BTreeMap;

use super::{Located, read_events, read_metrics, tag};
use crate::config::{Experiment, Registry};
use crate::data::{Labelling, source};
use crate::error::Result;
use crate::number;

/// Finite values by tag and epoch; epoch 0 is before training.
pub type Curves = BTreeMap<String, BTreeMap<usize, f64>>;

/// A run at a glance.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Its settings: those in `run.ron`, or the registry's for a folder that the reference wrote; `None` if neither knows it.
    pub experiment: Option<Experiment>,
    /// From `metrics.jsonl`, or else from the event files.
    pub curves: Curves,
    /// Whether a process works in the folder.
    pub is_locked: bool,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Measured after its last epoch.
    Done,
    /// A process works on it.
    Running,
    /// It ended before its last epoch.
    Stopped,
    /// Nobody knows how many epochs it should have.
    Unknown,
}

impl Summary {
    /// Reads a run's settings and curves.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] naming a broken file.
    pub fn read(located: &Located, registry: &Registry) -> Result<Self> {
        let run = &located.run;
        let experiment = match run.read_record()? {
            Some(record) => Some(record.experiment),
            None if registry.keys().any(|known| known == located.key) => Some(registry.get(&located.key)?),
            None => None,
        };
        let mut curves = Curves::new();
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
                    add(scalar.tag, epoch, scalar.value);
                }
            }
        }
        Ok(Self { experiment, curves, is_locked: run.is_locked() })
    }

    /// The last epoch that was evaluated.
    pub fn epoch(&self) -> Option<usize> {
        let evaluations = self.curves.iter().filter(|(tag, _)| tag::is_evaluation(tag));
        evaluations.filter_map(|(_, curve)| curve.keys().next_back()).max().copied()
    }

    /// Epochs that the run should have.
    pub fn epochs(&self) -> Option<usize> {
        self.experiment.as_ref().map(|experiment| experiment.train.epochs)
    }

    /// How far it is.
    pub fn status(&self) -> Status {
        match (self.epoch(), self.epochs()) {
            (Some(epoch), Some(epochs)) if epoch >= epochs => Status::Done,
            _ if self.is_locked => Status::Running,
            (_, Some(_)) => Status::Stopped,
            (_, None) => Status::Unknown,
        }
    }

    /// What the best checkpoint is chosen by, with its epoch and value: test accuracy in percent, or test AUC of findings;
    /// `None` for an unknown data set.
    pub fn best(&self) -> Option<(&'static str, usize, f64)> {
        let tag = match &self.experiment {
            Some(experiment) => match source(&experiment.data.name).ok()?.labelling() {
                Labelling::Class => tag::TEST_ACCURACY,
                Labelling::Findings(_) => tag::TEST_AUC,
            },
            None => tag::TEST_ACCURACY,
        };
        let curve = self.curves.get(tag)?;
        // The first of equals is kept.
        let best = curve.iter().rev().max_by(|a, b| a.1.total_cmp(b.1))?;
        Some((tag, *best.0, *best.1))
    }
}

/// A value of [`Summary::best`] as a table shows it: an accuracy in percent, or an AUC.
pub fn score_in_digits(tag: &str, value: f64) -> String {
    if tag == "eval/test_acc" { number::percent(value) } else { number::fraction(value) }
}
