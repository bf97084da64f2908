//! The numbers of a run, as `metrics.jsonl` and as TensorBoard events with the reference's tags.

use super::resume::Sums;
use super::splits::Evaluations;
use crate::error::Result;
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

    /// An epoch of training: the mean loss, the penalty on weights in it (if there are any), and accuracy in percent against the
    /// unmixed labels.
    pub fn trained(&mut self, epoch: usize, rates: &[f64], sums: Sums, penalized: bool) -> Result<()> {
        let images = sums.images as f64;
        let mut values: Vec<(String, f64)> =
            (0..).zip(rates).map(|(group, rate)| (format!("learning_rate/group{group}"), *rate)).collect();
        values.push(("train/loss".into(), sums.loss / images));
        if penalized {
            values.push(("train/weight_regu_loss".into(), sums.penalty / images));
        }
        values.push(("train/acc".into(), 100.0 * sums.correct as f64 / images));
        values.push(("train/images_per_second".into(), sums.images_per_second()));
        self.write(epoch, &values)
    }

    /// An evaluation of both splits; accuracies in percent.
    pub fn evaluated(&mut self, epoch: usize, evaluations: &Evaluations) -> Result<()> {
        let Evaluations { train, test } = evaluations;
        let values = [
            ("eval/test_acc".to_owned(), 100.0 * test.accuracy()),
            ("eval/test_loss".to_owned(), test.loss()),
            ("eval/train_acc".to_owned(), 100.0 * train.accuracy()),
            ("eval/train_loss".to_owned(), train.loss()),
        ];
        self.write(epoch, &values)
    }

    fn write(&mut self, epoch: usize, values: &[(String, f64)]) -> Result<()> {
        for (tag, value) in values {
            self.events.scalar(tag, epoch as i64, *value as f32)?;
        }
        self.events.flush()?;
        self.metrics.append(epoch, values)
    }
}
