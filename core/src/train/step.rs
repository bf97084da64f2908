//! One step of gradient descent: a batch in shares, the gradients of each, one update; and what steps said, read from the
//! device a few steps later, so that it never waits for the host.

use std::ops::Range;
use std::path::Path;

use burn::tensor::{Device, FloatDType, Tensor, TensorData};

use super::mixup::mix;
use super::optimizer::{Optimizer, take_gradients};
use super::regularizer::{Penalty, Regularizers};
use super::resume::{self, Position, Sums};
use crate::config::{Experiment, Precision};
use crate::data::{Batch, Labelling};
use crate::device::{describe, guarded, is_cpu};
use crate::error::{Error, Result};
use crate::evaluate::loss::{Targets, loss};
use crate::evaluate::{right_decisions, values};
use crate::job::Job;
use crate::model::{Network, Statistics};
use crate::random::{Keyed, Purpose, mixup_coefficients};

/// Steps after which a GPU is asked what they said.
const READ_EVERY: usize = 16;

/// What is trained.
pub(super) struct Learner<'a> {
    pub experiment: &'a Experiment,
    pub network: Network,
    pub optimizer: Optimizer,
    pub regularizers: Regularizers,
    /// What the last steps said and nobody has read yet.
    pub unread: Vec<Told>,
}

/// What a step says, on the device.
pub(super) struct Told {
    /// Number of the step within its epoch, from 1.
    step: usize,
    /// `[1]` of each share, the sum being the mean over the batch.
    losses: Vec<Tensor<1>>,
    /// `[share, outputs]` of each share, in the batch's order.
    logits: Vec<Tensor<2>>,
    /// Unmixed labels.
    labels: Vec<usize>,
    labelling: Labelling,
    penalty: Penalty,
}

/// What the passes over a batch give: the gradients of its mean loss, and what steps say.
#[derive(Default)]
struct Descent {
    gradients: Vec<Tensor<1>>,
    statistics: Statistics,
    losses: Vec<Tensor<1>>,
    logits: Vec<Tensor<2>>,
}

impl Learner<'_> {
    /// Updates the network by one batch, cut into shares: one for each of the job's devices, and each of those into parts of
    /// `train.micro_batch` images. However a batch is cut, its gradient is that of the mean loss over all of it; only batch
    /// normalisation sees no further than a part.
    ///
    /// # Errors
    /// [`Error::Memory`] naming what would fit into the device's memory; [`Error::Run`] if the device fails.
    pub fn step(&mut self, batch: Batch, position: &mut Position, job: &Job) -> Result<()> {
        guarded(|| {
            self.update(batch, position, job);
            Ok(())
        })
        .map_err(|error| self.explained(error, job))
    }

    fn update(&mut self, batch: Batch, position: &mut Position, job: &Job) {
        let settings = &self.experiment.train;
        let (labels, labelling) = (batch.labels.clone(), batch.labelling);
        let (batch, targets) = mixed(self.experiment, batch, position);
        let Descent { mut gradients, statistics, losses, logits } =
            descent(&self.network, &batch, &targets, settings.micro_batch, settings.precision, job);
        let parameters: Vec<&Tensor<1>> = self.network.trained().map(|(_, values)| values).collect();
        let penalty = self.regularizers.add_gradients(&parameters, &mut gradients);
        self.optimizer.step(self.network.trained_mut(), gradients);
        self.network.update(statistics);
        position.step += 1;
        self.unread.push(Told { step: position.step, losses, logits, labels, labelling, penalty });
    }

    /// Whether it is time to read what the steps said.
    pub fn is_full(&self, device: &Device) -> bool {
        self.unread.len() >= if is_cpu(device) { 1 } else { READ_EVERY }
    }

    /// Writes all that is needed to go on. What the steps said must have been read.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn save(&self, path: &Path, position: &Position) -> Result<()> {
        resume::save(path, &self.network, &self.optimizer, position)
    }

    /// Waits for the steps that were made, and adds what they said to the sums of the epoch.
    ///
    /// # Errors
    /// [`Error::Diverged`] naming the first step whose loss is not finite; [`Error::Memory`] naming what would fit into the
    /// device's memory; [`Error::Run`] if the device gives nothing back.
    pub fn read(&mut self, position: &mut Position, job: &Job) -> Result<()> {
        self.sum_up(position).map_err(|error| self.explained(error, job))
    }

    /// The error with what would fit, if memory is what there was too little of.
    fn explained(&self, error: Error, job: &Job) -> Error {
        match error {
            Error::Memory(_) => self.too_large(job),
            error => error,
        }
    }

    fn sum_up(&mut self, position: &mut Position) -> Result<()> {
        let unread = std::mem::take(&mut self.unread);
        let epoch = position.epoch + 1;
        for Told { step, losses, logits, labels, labelling, penalty } in unread {
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
            *correct += rows.map(|(row, label)| right_decisions(row, *label, labelling)).sum::<usize>();
            *images += count;
            *losses += loss * count as f64;
            *penalties += penalty * count as f64;
        }
        Ok(())
    }

    /// What to do when a batch does not fit into the memory of a device, found by halving.
    fn too_large(&self, job: &Job) -> Error {
        let train = &self.experiment.train;
        let share = train.batch_size.div_ceil(job.devices().count());
        let tried = if train.micro_batch == 0 { share } else { train.micro_batch.min(share) };
        let mut halves =
            std::iter::successors(Some(tried / 2), |size| Some(size / 2)).take_while(|size| *size > 0);
        let fitting = halves.find(|size| self.fits(*size, job).is_ok());
        let remedy = match fitting {
            Some(size) => format!(
                "{size} fit: set train.micro_batch={size}, which changes no gradient, and run the same command again"
            ),
            None => {
                "not one fits: choose a device with more memory, or lower data.configs.image_size".to_owned()
            }
        };
        Error::Memory(format!(
            "{} has not enough memory for {tried} images of {} pixels at once (train.batch_size is {}); {remedy}",
            describe(&job.device),
            self.experiment.data.configs.image_size,
            train.batch_size
        ))
    }

    /// Whether passes over parts of that many images fit beside the network and its optimizer.
    fn fits(&self, micro_batch: usize, job: &Job) -> Result<()> {
        let (train, size) = (&self.experiment.train, self.experiment.data.configs.image_size);
        let count = train.batch_size;
        let batch = Batch {
            indices: Vec::new(),
            labels: vec![0; count],
            labelling: Labelling::of(&self.experiment.data.name),
            images: vec![0.0; count * 3 * size * size],
            size,
        };
        let targets = Targets { first: batch.labels.clone(), second: None };
        // What a step without memory has left of the parameters cannot be computed with.
        let blank = self.network.parameters.iter().map(|values| Tensor::zeros(values.shape(), &job.device));
        let network = Network { arch: self.network.arch.clone(), parameters: blank.collect() };
        guarded(|| {
            let passes = descent(&network, &batch, &targets, micro_batch, train.precision, job);
            values(Tensor::cat(passes.gradients, 0)).map(|_| ())
        })
    }
}

/// The batch after mixup, and its labels; as it is where there is no mixup.
fn mixed(experiment: &Experiment, batch: Batch, position: &Position) -> (Batch, Targets) {
    let (alpha, count) = (experiment.train.mixup_alpha, batch.labels.len());
    if alpha <= 0.0 {
        let targets = Targets { first: batch.labels.clone(), second: None };
        return (batch, targets);
    }
    let (seed, epoch, step) = (experiment.seed.order, position.epoch as u64 + 1, position.step as u64);
    let draws = if experiment.train.mixup_per_sample { count } else { 1 };
    let coefficients = mixup_coefficients(seed, epoch, step, alpha, draws);
    let mut random = Keyed::new(seed, Purpose::Mixup, epoch, step);
    // The first draw is the seed of the coefficients.
    random.next_u32();
    let index = random.permutation(count);
    let images = mix(&batch.images, &index, &coefficients);
    let second = index.iter().map(|i| batch.labels[*i]).collect();
    let targets = Targets { first: batch.labels.clone(), second: Some((second, coefficients)) };
    (Batch { images, ..batch }, targets)
}

/// Launches the passes of all shares, one after the other: a GPU computes while the next one is being told what to do. What
/// comes back lies on the job's first device.
fn descent(
    network: &Network,
    batch: &Batch,
    targets: &Targets,
    micro_batch: usize,
    precision: Precision,
    job: &Job,
) -> Descent {
    let count = batch.labels.len();
    let devices: Vec<&Device> = job.devices().collect();
    let mut whole = Descent::default();
    let mut statistics = Vec::new();
    for (device, share) in devices.iter().zip(shares(0..count, count.div_ceil(devices.len()))) {
        let replica = network.to_device(device);
        let mut gradients = Vec::new();
        let size = if micro_batch == 0 { share.len() } else { micro_batch };
        for part in shares(share, size) {
            let weight = part.len() as f64 / count as f64;
            let tracked = replica.tracked();
            let images = on_device(batch, part.clone(), precision, device);
            let (logits, running) = tracked.forward_train(images);
            let loss = loss(logits.clone(), &targets.part(part), batch.labelling);
            let loss = if weight == 1.0 { loss } else { loss * weight };
            let mut all = loss.backward();
            add(&mut gradients, take_gradients(tracked, &mut all));
            whole.losses.push(loss.inner().to_device(&job.device));
            whole.logits.push(logits.inner().to_device(&job.device));
            statistics.push((weight, running.to_device(&job.device)));
        }
        let gradients = gradients.into_iter().map(|gradient| gradient.to_device(&job.device)).collect();
        add(&mut whole.gradients, gradients);
    }
    whole.statistics = Statistics::mean(statistics);
    whole
}

/// A range in pieces of `size`, the last as long as is left.
fn shares(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
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

/// Adds gradients; to none they are the sum.
fn add(sum: &mut Vec<Tensor<1>>, more: Vec<Tensor<1>>) {
    if sum.is_empty() {
        *sum = more;
    } else {
        sum.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.clone() + more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Registry;
    use crate::job::Stop;
    use crate::model::{Arch, initial_state};

    #[test]
    fn shares_cover_a_batch() {
        let all = |count: usize, size: usize| shares(0..count, size).collect::<Vec<_>>();
        assert_eq!(all(10, 4), [0..4, 4..8, 8..10]);
        assert_eq!(shares(0..3, 4).next(), Some(0..3));
        assert_eq!(shares(4..7, 2).collect::<Vec<_>>(), [4..6, 6..7]);
    }

    #[test]
    fn a_batch_without_room_gets_the_next_smaller_that_fits() {
        let mut experiment =
            Registry::load().unwrap().get("demo/Shapes_photo/fixup_resnet18/pretrain").unwrap();
        experiment.data.configs.image_size = 16;
        experiment.train.batch_size = 12;
        let (device, stop) = (Device::flex(), Stop::default());
        let job = Job { device: device.clone(), others: &[], emit: &|_| {}, stop: &stop };
        let arch = Arch::new(&experiment.model.arch, 10).unwrap();
        let network = Network::new(arch.clone(), &initial_state(&arch, 0), &device).unwrap();
        let optimizer = Optimizer::new(&experiment.optimizer, network.trained()).unwrap();
        let regularizers = Regularizers::new(&[], std::iter::empty(), || Ok(Vec::new())).unwrap();
        let learner =
            Learner { experiment: &experiment, network, optimizer, regularizers, unread: Vec::new() };
        let text = learner.too_large(&job).to_string();
        for part in ["12 images of 16 pixels", "6 fit: set train.micro_batch=6", "cpu"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
