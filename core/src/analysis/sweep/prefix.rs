//! What a network computes of all images before one of its stages.

use burn::tensor::Tensor;

use super::Sweep;
use crate::error::Result;
use crate::evaluate::{Evaluation, batches, image_batch};
use crate::job::Job;
use crate::model::Network;
use crate::model::network::channels_last;

/// The input of a stage for all images, held if there is memory for it.
pub struct Prefix<'a> {
    sweep: &'a Sweep<'a>,
    job: &'a Job<'a>,
    stage: usize,
    /// A tensor for each batch, or nothing.
    held: Vec<Tensor<4>>,
}

impl<'a> Prefix<'a> {
    /// Before the first stage, with nothing held.
    pub fn new(sweep: &'a Sweep, job: &'a Job) -> Self {
        Self { sweep, job, stage: 0, held: Vec::new() }
    }

    /// Moves up to a stage, from what is held or else from the images. Returns whether its input is held now.
    pub fn advance(&mut self, stage: usize) -> Result<bool> {
        let network = self.sweep.network;
        let first = if self.held.is_empty() { 0 } else { self.stage };
        let mut held = std::mem::take(&mut self.held).into_iter();
        self.stage = stage;
        let batches = batches(self.sweep.images);
        let count = batches.len();
        for range in batches {
            self.job.check()?;
            let input = match held.next() {
                Some(input) => input,
                None => channels_last(image_batch(self.sweep.images, range, &self.job.device)),
            };
            let output = network.forward_stages(first..stage, input);
            // All batches are as large as the first, but for the last.
            if self.held.is_empty()
                && output.shape().num_elements() * size_of::<f32>() * count > self.sweep.memory_bytes
            {
                return Ok(false);
            }
            self.held.push(output);
        }
        Ok(true)
    }

    /// Evaluates networks that differ from the one of the sweep in this stage or above it, in one pass.
    pub fn evaluate(&self, networks: &[Network]) -> Result<Vec<Evaluation>> {
        let images = self.sweep.images;
        let stages = self.sweep.network.arch.stages.len();
        let mut results = vec![Evaluation::empty(images.labelling()); networks.len()];
        for (number, range) in batches(images).enumerate() {
            let input = match self.held.get(number) {
                Some(input) => input.clone(),
                None => {
                    let images = image_batch(images, range.clone(), &self.job.device);
                    self.sweep.network.forward_stages(0..self.stage, channels_last(images))
                }
            };
            for (network, result) in networks.iter().zip(&mut results) {
                self.job.check()?;
                let logits = network.forward_stages(self.stage..stages, input.clone());
                result.add(
                    logits.reshape([range.len(), network.arch.classes]),
                    &images.labels()[range.clone()],
                )?;
            }
        }
        Ok(results)
    }
}
