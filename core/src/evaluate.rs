//! A network on a whole split: the logits and loss of each sample, accuracy and AUC.

pub mod features;
pub mod loss;
pub mod metric;
pub mod predictions;
pub mod splits;

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

use self::loss::sample_losses;
use self::metric::roc_auc;
use crate::data::{EvalImages, Labelling};
use crate::device::unreadable;
use crate::error::Result;
use crate::event::Event;
use crate::job::Job;
use crate::model::Network;
use crate::number;

/// Images of one forward pass at least, and pixels that small ones have together: what is done once for all images of a pass
/// then weighs little. Fixed, so that a result never depends on a setting of training.
const EVAL_BATCH: usize = 64;
const EVAL_PIXELS: usize = 1 << 20;

/// Logits and losses of every sample of a split, in the split's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// `[samples, outputs]`, row-major.
    pub logits: Vec<f32>,
    /// Cross-entropy of each sample.
    pub losses: Vec<f32>,
    /// Label of each sample.
    pub labels: Vec<usize>,
    /// What labels say.
    pub labelling: Labelling,
}

/// How well a network recognises one finding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// Its name.
    pub name: &'static str,
    /// Accuracy, as a fraction: samples whose logit is above zero exactly where they have the finding.
    pub accuracy: f64,
    /// Area under the ROC curve; undefined if all samples have it, or none.
    pub auc: Option<f64>,
}

impl Evaluation {
    /// Of no sample.
    pub fn empty(labelling: Labelling) -> Self {
        Self { logits: Vec::new(), losses: Vec::new(), labels: Vec::new(), labelling }
    }

    /// Adds samples. Logits: `[batch, outputs]`.
    ///
    /// # Errors
    /// [`Error::Run`] if the device does not give the values back.
    pub fn add(&mut self, logits: Tensor<2>, labels: &[usize]) -> Result<()> {
        self.losses.extend(values(sample_losses(logits.clone(), labels, self.labelling))?);
        self.logits.extend(values(logits)?);
        self.labels.extend(labels);
        Ok(())
    }

    /// Whether the network computes a finite loss for every sample.
    pub fn is_finite(&self) -> bool {
        self.losses.iter().all(|loss| loss.is_finite())
    }

    /// Samples with an output that is not finite.
    pub fn not_finite(&self) -> usize {
        self.rows().filter(|(row, _)| !row.iter().all(|logit| logit.is_finite())).count()
    }

    /// Accuracy, as a fraction: of samples, or over all findings of all samples. Outputs that are not finite count as wrong.
    pub fn accuracy(&self) -> f64 {
        let right = self.rows().map(|(row, label)| right_decisions(row, label, self.labelling, is_predicted));
        right.sum::<usize>() as f64 / (self.labels.len() * self.labelling.decisions()) as f64
    }

    /// Mean of the samples' losses.
    pub fn loss(&self) -> f64 {
        // Without the sign of a zero.
        0.0 + self.losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / self.losses.len() as f64
    }

    /// Each finding by itself; none where a label is a class.
    pub fn findings(&self) -> Vec<Finding> {
        let Labelling::Findings(names) = self.labelling else { return Vec::new() };
        let finding = |(bit, name): (usize, &&'static str)| {
            let scores: Vec<f32> = self.rows().map(|(logits, _)| logits[bit]).collect();
            let is_there: Vec<bool> = self.labels.iter().map(|label| label >> bit & 1 == 1).collect();
            let is_right = |(score, is): &(&f32, &bool)| score.is_finite() && is_predicted(**score) == **is;
            let right = scores.iter().zip(&is_there).filter(is_right).count();
            let accuracy = right as f64 / scores.len() as f64;
            Finding { name, accuracy, auc: roc_auc(&scores, &is_there) }
        };
        names.iter().enumerate().map(finding).collect()
    }

    /// Mean area under the ROC curves of the findings for which it is defined; undefined if it is for none.
    pub fn auc(&self) -> Option<f64> {
        let defined: Vec<f64> = self.findings().iter().filter_map(|finding| finding.auc).collect();
        (!defined.is_empty()).then(|| defined.iter().sum::<f64>() / defined.len() as f64)
    }

    /// What the best checkpoint is chosen by: the accuracy, or the mean AUC of findings (an undefined one is below all).
    pub fn score(&self) -> f64 {
        match self.labelling {
            Labelling::Class => self.accuracy(),
            Labelling::Findings(_) => self.auc().unwrap_or(0.0),
        }
    }

    /// Accuracy, AUC and loss of a split in a few words.
    pub fn summary(&self, split: &str) -> String {
        let (accuracy, loss) = (number::percent(100.0 * self.accuracy()), number::loss(self.loss()));
        let numbers = match self.labelling {
            Labelling::Class => format!("{split} accuracy {accuracy} %, {split} loss {loss}"),
            Labelling::Findings(_) => format!(
                "{split} AUC {}, {split} accuracy {accuracy} %, {split} loss {loss}",
                number::or_undefined(self.auc(), number::fraction)
            ),
        };
        match self.not_finite() {
            0 => numbers,
            count => format!(
                "{numbers} (the outputs of {count} of {} samples are not finite and count as wrong)",
                self.labels.len()
            ),
        }
    }

    /// Logits of a sample.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn row(&self, sample: usize) -> &[f32] {
        let outputs = self.outputs();
        &self.logits[sample * outputs..][..outputs]
    }

    /// Outputs of the network, 0 if there is no sample.
    pub fn outputs(&self) -> usize {
        self.logits.len() / self.labels.len().max(1)
    }

    fn rows(&self) -> impl Iterator<Item = (&[f32], usize)> {
        self.logits.chunks_exact(self.outputs().max(1)).zip(self.labels.iter().copied())
    }
}

/// Whether a network says that a finding is there, by its logit: in evaluation where the sigmoid in single precision is at least
/// one half, as the reference and scikit-learn have it.
pub fn is_predicted(logit: f32) -> bool {
    1.0 / (1.0 + (-logit).exp()) >= 0.5
}

/// Right decisions about one sample: whether its largest logit is that of its class, or for how many findings `is_predicted` says
/// of the logit what the sample has. What is said by a logit that is not finite is wrong, and of classes by any.
pub fn right_decisions(
    logits: &[f32],
    label: usize,
    labelling: Labelling,
    is_predicted: impl Fn(f32) -> bool,
) -> usize {
    match labelling {
        Labelling::Class => {
            usize::from(largest(logits) == label && logits.iter().all(|logit| logit.is_finite()))
        }
        Labelling::Findings(_) => {
            let is_right = |(bit, logit): &(usize, &f32)| {
                logit.is_finite() && is_predicted(**logit) == (label >> bit & 1 == 1)
            };
            logits.iter().enumerate().filter(is_right).count()
        }
    }
}

/// Index of the largest value, the first of equals.
pub fn largest<T: PartialOrd>(values: &[T]) -> usize {
    let better = |best: usize, index: usize| if values[index] > values[best] { index } else { best };
    (0..values.len()).reduce(better).unwrap_or(0)
}

/// Evaluates a network on all images.
///
/// # Errors
/// [`Error::Interrupted`] if somebody asked to stop.
pub fn evaluate(network: &Network, images: &EvalImages, job: &Job) -> Result<Evaluation> {
    let mut result = Evaluation::empty(images.labelling());
    // While a GPU computes one batch, the next is prepared.
    let mut computed: Option<(Tensor<2>, Range<usize>)> = None;
    for range in batches(images) {
        job.check()?;
        job.emit(Event::Evaluating { done: range.start, total: images.len() });
        let logits = network.forward(image_batch(images, range.clone(), &job.device));
        if let Some((logits, range)) = computed.replace((logits, range)) {
            result.add(logits, &images.labels()[range])?;
        }
    }
    if let Some((logits, range)) = computed {
        result.add(logits, &images.labels()[range])?;
    }
    Ok(result)
}

/// The samples of each forward pass.
pub fn batches(images: &EvalImages) -> impl ExactSizeIterator<Item = Range<usize>> + use<> {
    let samples = images.len();
    let batch = EVAL_BATCH.max(EVAL_PIXELS / images.size().pow(2));
    (0..samples).step_by(batch).map(move |first| first..samples.min(first + batch))
}

/// Images on a device, `[batch, 3, height, width]`.
pub fn image_batch(images: &EvalImages, range: Range<usize>, device: &Device) -> Tensor<4> {
    let batch = images.batch(range);
    let shape = [batch.labels.len(), 3, batch.size, batch.size];
    Tensor::from_data(TensorData::new(batch.images, shape), device)
}

/// The values of a tensor in single precision, without a copy where nobody else holds it.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor.try_into_vec_as().map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_that_are_not_finite_count_as_wrong_and_are_told() {
        let logits = vec![0.0, 1.0, f32::NAN, 1.0, f32::INFINITY, 0.0, 2.0, 1.0];
        let mut evaluation = Evaluation {
            logits,
            losses: vec![0.5; 4],
            labels: vec![1, 1, 0, 0],
            labelling: Labelling::Class,
        };
        assert_eq!((evaluation.accuracy(), evaluation.not_finite()), (0.5, 2));
        let told = evaluation.summary("test");
        assert!(told.contains("the outputs of 2 of 4 samples are not finite and count as wrong"), "{told}");

        // Two findings of each sample, none of which has any.
        (evaluation.labels, evaluation.labelling) = (vec![0; 4], Labelling::Findings(&["one", "two"]));
        let accuracies: Vec<f64> = evaluation.findings().iter().map(|finding| finding.accuracy).collect();
        assert_eq!(accuracies, [0.0, 0.0]);
        evaluation.logits = vec![-1.0, -1.0, f32::NAN, -1.0, -1.0, -1.0, -1.0, 1.0];
        let accuracies: Vec<f64> = evaluation.findings().iter().map(|finding| finding.accuracy).collect();
        assert_eq!(accuracies, [0.75, 0.75]);
        assert_eq!(evaluation.accuracy(), 0.75);
    }
}
