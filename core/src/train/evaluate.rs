//! Accuracy and loss of a network on a whole split, and what it says of each sample.

use burn::tensor::{Tensor, TensorData};

use super::loss::sample_losses;
use crate::data::EvalImages;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;
use crate::model::Network;

/// Images of one forward pass. Fixed, so that a result never depends on a setting of training.
const EVAL_BATCH: usize = 64;

/// What a network says of every sample of a split, in the split's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// `[samples, classes]`, row-major.
    pub logits: Vec<f32>,
    /// Cross-entropy of each sample.
    pub losses: Vec<f32>,
    /// Label of each sample.
    pub labels: Vec<usize>,
}

impl Evaluation {
    /// Share of samples whose largest logit is that of their label, as a fraction.
    pub fn accuracy(&self) -> f64 {
        let classes = self.logits.len() / self.labels.len().max(1);
        let right = self.logits.chunks_exact(classes.max(1)).zip(&self.labels);
        let right = right.filter(|(logits, label)| largest(logits) == **label).count();
        right as f64 / self.labels.len() as f64
    }

    /// Mean of the samples' losses.
    pub fn loss(&self) -> f64 {
        self.losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / self.losses.len() as f64
    }
}

/// Index of the largest value, the first of equals.
pub fn largest(values: &[f32]) -> usize {
    let better = |best: usize, index: usize| if values[index] > values[best] { index } else { best };
    (0..values.len()).reduce(better).unwrap_or(0)
}

/// Evaluates a network on all images.
///
/// # Errors
/// [`Error::Interrupted`] if somebody asked to stop.
pub fn evaluate(network: &Network, images: &EvalImages, job: &Job) -> Result<Evaluation> {
    let mut result = Evaluation { logits: Vec::new(), losses: Vec::new(), labels: Vec::new() };
    for first in (0..images.len()).step_by(EVAL_BATCH) {
        job.check()?;
        job.emit(Event::Evaluating { done: first, total: images.len() });
        let batch = images.batch(first..images.len().min(first + EVAL_BATCH));
        let shape = [batch.labels.len(), 3, batch.size, batch.size];
        let logits = network.forward(Tensor::from_data(TensorData::new(batch.images, shape), &job.device));
        result.losses.extend(values(sample_losses(logits.clone(), &batch.labels))?);
        result.logits.extend(values(logits)?);
        result.labels.extend(batch.labels);
    }
    Ok(result)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor
        .into_data()
        .try_into_vec()
        .map_err(|error| Error::run(format!("unexpected tensor type: {error:?}")))
}
