//! The numbers of a run, as `metrics.jsonl` and as TensorBoard events; [`crate::run::tag`] names them.

use super::resume::Sums;
use crate::data::Labelling;
use crate::error::Result;
use crate::evaluate::Evaluation;
use crate::evaluate::splits::Evaluations;
use crate::run::tag::{self, Metric};
use crate::run::{EventWriter, MetricsLog, RunDir};

/// Writes each number to both places. Steps are epochs, as in the reference.
pub struct Reporter {
    metrics: MetricsLog,
    events: EventWriter,
}

impl Reporter {
    /// Opens a run's files; what they say of `first_epoch` and later is written again.
    pub fn open(run: &RunDir, first_epoch: usize) -> Result<Self> {
        Ok(Self {
            metrics: MetricsLog::open(&run.metrics(), first_epoch)?,
            events: EventWriter::open(&run.events())?,
        })
    }

    /// An epoch of training: the mean loss, the penalty on weights in it (if asked for), and accuracy against the unmixed labels.
    pub fn trained(
        &mut self,
        epoch: usize,
        rates: &[f64],
        sums: Sums,
        labelling: Labelling,
        penalized: bool,
    ) -> Result<()> {
        let images = sums.images as f64;
        let mut values: Vec<(String, f64)> =
            (0..).zip(rates).map(|(group, rate)| (tag::learning_rate(group), *rate)).collect();
        values.push((tag::TRAIN_LOSS.to_owned(), sums.loss / images));
        if penalized {
            values.push((tag::TRAIN_PENALTY.to_owned(), sums.penalty / images));
        }
        values.push((tag::TRAIN_ACCURACY.to_owned(), unit(labelling) * sums.accuracy(labelling)));
        values.push((tag::TRAIN_SPEED.to_owned(), sums.images_per_second()));
        self.write(epoch, &values)
    }

    /// An evaluation of all splits. An undefined AUC is not a number, which JSON writes as `null`.
    pub fn evaluated(&mut self, epoch: usize, evaluations: &Evaluations) -> Result<()> {
        let mut values = scalars("test", &evaluations.test);
        for (split, evaluation) in &evaluations.others {
            let name = match evaluation.labelling {
                Labelling::Class => split.title(),
                Labelling::Findings(_) => split.name(),
            };
            values.extend(scalars(name, evaluation));
        }
        if let Some(average) = &evaluations.average {
            values.extend(scalars(tag::AVERAGE, average));
        }
        self.write(epoch, &values)
    }

    /// Puts all numbers so far on disk: a state that says that an epoch is over relies on them.
    pub fn sync(&mut self) -> Result<()> {
        self.events.sync()?;
        self.metrics.sync()
    }

    fn write(&mut self, epoch: usize, values: &[(String, f64)]) -> Result<()> {
        for (tag, value) in values.iter().filter(|(_, value)| !value.is_nan()) {
            self.events.scalar(tag, epoch as i64, *value as f32)?;
        }
        self.events.flush()?;
        self.metrics.append(epoch, values)
    }
}

/// What the reference counts accuracies in: percent of samples, fractions of findings.
fn unit(labelling: Labelling) -> f64 {
    match labelling {
        Labelling::Class => 100.0,
        Labelling::Findings(_) => 1.0,
    }
}

/// The metrics of a split, and those of each finding.
fn scalars(split: &str, evaluation: &Evaluation) -> Vec<(String, f64)> {
    let tag = |metric: Metric| tag::evaluation(split, metric);
    let mut values = vec![
        (tag(Metric::Accuracy), unit(evaluation.labelling) * evaluation.accuracy()),
        (tag(Metric::Loss), evaluation.loss()),
    ];
    if let Labelling::Findings(_) = evaluation.labelling {
        values.push((tag(Metric::Auc), evaluation.auc().unwrap_or(f64::NAN)));
    }
    for finding in evaluation.findings() {
        let tag = |metric: Metric| tag::finding(split, metric, finding.name);
        values.push((tag(Metric::Accuracy), finding.accuracy));
        values.push((tag(Metric::Auc), finding.auc.unwrap_or(f64::NAN)));
    }
    values
}
