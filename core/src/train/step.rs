//! One training step: the gradients of a batch, the penalties on weights, one update of the parameters. What a step gives
//! stays on the device and is read a few steps later, so that a GPU never waits for the host.

use std::path::Path;

use burn::tensor::{Device, Tensor};

use super::gradients::{BatchGradients, Passes, clip};
use super::mixup::Mixup;
use super::resume::{self, Position, Sums};
use crate::config::Experiment;
use crate::data::{Batch, Labelling};
use crate::device::{guarded, is_cpu};
use crate::error::{Error, Result};
use crate::evaluate::{right_decisions, values};
use crate::job::Job;
use crate::model::Network;
use crate::optim::{Optimizer, Penalty, Regularizers};

/// Steps after which the outputs are read from a GPU.
const READ_EVERY: usize = 16;

/// The network in training, with its optimizer.
pub(super) struct Learner<'a> {
    pub experiment: &'a Experiment,
    pub network: Network,
    /// The network with an exponential moving average of the weights, if one is kept.
    pub average: Option<Network>,
    pub optimizer: Optimizer,
    pub regularizers: Regularizers,
    pub mixup: Mixup<'a>,
    /// Outputs of the last steps that were not read yet.
    pub unread: Vec<StepOutput>,
}

/// Loss and logits of a step, on the device.
pub(super) struct StepOutput {
    /// Number of the step within its epoch, from 1.
    step: usize,
    /// `[1]` of each micro-batch; they add up to the batch's mean loss.
    losses: Vec<Tensor<1>>,
    /// `[micro-batch, outputs]` of each micro-batch, in the batch's order.
    logits: Vec<Tensor<2>>,
    /// Unmixed labels.
    labels: Vec<usize>,
    labelling: Labelling,
    penalty: Penalty,
}

impl Learner<'_> {
    /// Updates the network by one batch: see [`BatchGradients::of`] for how it is shared between devices and micro-batches.
    ///
    /// # Errors
    /// [`Error::Memory`] naming the micro-batch that would fit into the device's memory; [`Error::Run`] if the device fails.
    pub fn step(&mut self, batch: Batch, position: &mut Position, job: &Job) -> Result<()> {
        guarded(|| {
            self.update(batch, position, job);
            Ok(())
        })
        .map_err(|error| self.with_memory_hint(error, job))
    }

    fn update(&mut self, batch: Batch, position: &mut Position, job: &Job) {
        let settings = &self.experiment.train;
        let (labels, labelling) = (batch.labels.clone(), batch.labelling);
        let (batch, targets) = self.mixup.mixed(batch, position, self.optimizer.memory.steps);
        let passes = Passes {
            micro_batch: settings.micro_batch,
            precision: settings.precision,
            label_smoothing: settings.label_smoothing,
        };
        let BatchGradients { mut gradients, statistics, losses, logits } =
            BatchGradients::of(&self.network, &batch, &targets, passes, job);
        let parameters: Vec<&Tensor<1>> = self.network.trained().map(|(_, values)| values).collect();
        let penalty = self.regularizers.add_gradients(&parameters, &mut gradients);
        clip(&mut gradients, settings.clip_grad);
        self.optimizer.step(self.network.trained_mut(), gradients);
        self.network.update(statistics);
        if let Some(average) = &mut self.average {
            *average = self.network.blend(average, settings.ema_decay);
        }
        position.step += 1;
        self.unread.push(StepOutput { step: position.step, losses, logits, labels, labelling, penalty });
    }

    /// Whether it is time to read the outputs: after every step on the CPU, after every 16 on a GPU.
    pub fn is_full(&self, device: &Device) -> bool {
        self.unread.len() >= if is_cpu(device) { 1 } else { READ_EVERY }
    }

    /// Writes all that is needed to go on. All outputs must have been read.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn save(&self, path: &Path, position: &Position) -> Result<()> {
        resume::save(path, &self.network, self.average.as_ref(), &self.optimizer, position)
    }

    /// Waits for the steps that were made, and adds their losses and right decisions to the sums of the epoch.
    ///
    /// # Errors
    /// [`Error::Diverged`] naming the first step whose loss is not finite; [`Error::Memory`] naming the micro-batch that would
    /// fit into the device's memory; [`Error::Run`] if the device gives nothing back.
    pub fn read(&mut self, position: &mut Position, job: &Job) -> Result<()> {
        self.sum_up(position).map_err(|error| self.with_memory_hint(error, job))
    }

    fn sum_up(&mut self, position: &mut Position) -> Result<()> {
        let unread = std::mem::take(&mut self.unread);
        let epoch = position.epoch + 1;
        for StepOutput { step, losses, logits, labels, labelling, penalty } in unread {
            let penalty = penalty.read()?;
            let loss = values(Tensor::cat(losses, 0))?.into_iter().map(f64::from).sum::<f64>() + penalty;
            if !loss.is_finite() {
                return Err(Error::Diverged(format!(
                    "the loss is {loss} in epoch {epoch}, step {step}; lower optimizer.base_lr (now {}) and start over with --force",
                    self.experiment.optimizer.base_lr
                )));
            }
            let logits = values(Tensor::cat(logits, 0))?;
            let count = labels.len();
            let rows = logits.chunks_exact(logits.len() / count).zip(&labels);
            let Sums { images, correct, loss: losses, penalty: penalties, .. } = &mut position.sums;
            // The reference compares logits here, and probabilities in evaluation.
            let right =
                rows.map(|(row, label)| right_decisions(row, *label, labelling, |logit| logit >= 0.0));
            *correct += right.sum::<usize>();
            *images += count;
            *losses += loss * count as f64;
            *penalties += penalty * count as f64;
        }
        Ok(())
    }
}
