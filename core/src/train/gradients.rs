//! The gradients of a batch: data parallel over the job's devices, and accumulated over micro-batches on each.

use std::ops::Range;

use burn::tensor::{Device, FloatDType, Gradients, Tensor, TensorData};

use crate::data::Batch;
use crate::device::Precision;
use crate::evaluate::loss::{Targets, loss, smoothed};
use crate::job::Job;
use crate::model::{Network, Statistics};

/// What the forward and backward passes over a batch give. All tensors lie on the job's first device.
#[derive(Default)]
pub(super) struct BatchGradients {
    /// Of the batch's mean loss, `[size]` for each trained parameter, in the network's order.
    pub gradients: Vec<Tensor<1>>,
    /// Batch normalisation's, averaged over the micro-batches.
    pub statistics: Statistics,
    /// `[1]` of each micro-batch; they add up to the batch's mean loss.
    pub losses: Vec<Tensor<1>>,
    /// `[micro-batch, outputs]` of each micro-batch, in the batch's order.
    pub logits: Vec<Tensor<2>>,
}

/// How a batch is computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passes {
    /// Images of one forward and backward pass, 0 for all of a device's share.
    pub micro_batch: usize,
    /// What convolutions compute in.
    pub precision: Precision,
    /// Share of each label that is spread over all classes.
    pub label_smoothing: f64,
}

impl BatchGradients {
    /// Runs all passes. Each device takes an equal share of the batch (data parallel) and goes through it in micro-batches,
    /// whose gradients are accumulated. The loss of a micro-batch is weighted by its fraction of the batch's images, so that
    /// the sum of all gradients is the gradient of the mean loss over the batch, however it is cut.
    ///
    /// Passes are only launched here: a GPU computes while the next one is told what to do.
    pub fn of(network: &Network, batch: &Batch, targets: &Targets, passes: Passes, job: &Job) -> Self {
        let count = batch.labels.len();
        let devices: Vec<&Device> = job.devices().collect();
        let mut whole = Self::default();
        let mut statistics = Vec::new();
        for (device, share) in devices.iter().zip(pieces(0..count, count.div_ceil(devices.len()))) {
            let replica = network.to_device(device);
            let mut gradients = Vec::new();
            let size = if passes.micro_batch == 0 { share.len() } else { passes.micro_batch };
            for part in pieces(share, size) {
                let weight = part.len() as f64 / count as f64;
                let tracked = replica.tracked();
                let images = on_device(batch, part.clone(), passes.precision, device);
                let (logits, running) = tracked.forward_train(images);
                let loss = loss(logits.clone(), &targets.part(part), batch.labelling);
                let loss = smoothed(loss, logits.clone(), passes.label_smoothing);
                let loss = if weight == 1.0 { loss } else { loss * weight };
                let mut all = loss.backward();
                accumulate(&mut gradients, take_gradients(tracked, &mut all));
                whole.losses.push(loss.inner().to_device(&job.device));
                whole.logits.push(logits.inner().to_device(&job.device));
                statistics.push((weight, running.to_device(&job.device)));
            }
            let gradients = gradients.into_iter().map(|gradient| gradient.to_device(&job.device)).collect();
            accumulate(&mut whole.gradients, gradients);
        }
        whole.statistics = Statistics::mean(statistics);
        whole
    }
}

/// The gradients of a network's trained parameters, `[size]` each, in its order; zeros where the loss does not depend on one.
/// `tracked`, the copy of the network that the loss was computed with, is consumed: while it holds the parameters, the network
/// could not be updated in place.
pub fn take_gradients(tracked: Network, gradients: &mut Gradients) -> Vec<Tensor<1>> {
    let take =
        |leaf: &Tensor<1>| leaf.grad_remove(gradients).unwrap_or_else(|| leaf.clone().inner().zeros_like());
    tracked.trained().map(|(_, leaf)| leaf).map(take).collect()
}

/// Scales gradients down to a norm of `most` together, where theirs is larger (PyTorch's `clip_grad_norm_`); 0 is no bound. The norm
/// stays on the device.
pub(super) fn clip(gradients: &mut [Tensor<1>], most: f64) {
    if most == 0.0 {
        return;
    }
    let squares = gradients.iter().map(|gradient| gradient.clone().square().sum());
    let Some(sum) = squares.reduce(|sum, more| sum + more) else { return };
    let factor = ((sum.sqrt() + 1e-6).recip() * most).clamp_max(1.0);
    gradients.iter_mut().for_each(|gradient| *gradient = gradient.clone() * factor.clone());
}

/// A range in pieces of `size`, the last as long as is left.
pub(super) fn pieces(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(size).map(move |first| first..end.min(first + size))
}

/// Some images of a batch, tracked by autodiff, `[part, 3, height, width]`.
fn on_device(batch: &Batch, part: Range<usize>, precision: Precision, device: &Device) -> Tensor<4> {
    let values = 3 * batch.size * batch.size;
    let images = batch.images[part.start * values..part.end * values].to_vec();
    let data = TensorData::new(images, [part.len(), 3, batch.size, batch.size]);
    let images = Tensor::from_data(data, &device.clone().autodiff());
    match precision {
        Precision::F32 | Precision::Tf32 => images,
        Precision::Bf16 => images.cast(FloatDType::BF16),
    }
}

/// Adds gradients to a sum that starts empty.
fn accumulate(sum: &mut Vec<Tensor<1>>, more: Vec<Tensor<1>>) {
    if sum.is_empty() {
        *sum = more;
    } else {
        sum.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.clone() + more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_clipped_to_their_norm_together() {
        let device = Device::default();
        let clipped = |most: f64| {
            let mut gradients = vec![
                Tensor::<1>::from_floats([3.0, 0.0], &device),
                Tensor::<1>::from_floats([-4.0], &device),
            ];
            clip(&mut gradients, most);
            gradients
                .into_iter()
                .flat_map(|gradient| gradient.into_data().try_into_vec::<f32>().unwrap())
                .collect()
        };
        let close = |ours: Vec<f32>, right: [f32; 3]| {
            assert!(ours.iter().zip(right).all(|(ours, right)| (ours - right).abs() < 1e-6), "{ours:?}");
        };
        close(clipped(0.0), [3.0, 0.0, -4.0]);
        close(clipped(6.0), [3.0, 0.0, -4.0]);
        close(clipped(1.0), [0.6, 0.0, -0.8]);
    }

    #[test]
    fn pieces_cover_a_batch() {
        let all = |count: usize, size: usize| pieces(0..count, size).collect::<Vec<_>>();
        assert_eq!(all(10, 4), [0..4, 4..8, 8..10]);
        assert_eq!(pieces(0..3, 4).next(), Some(0..3));
        assert_eq!(pieces(4..7, 2).collect::<Vec<_>>(), [4..6, 6..7]);
    }
}
