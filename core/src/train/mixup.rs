//! Mixup (Zhang et al. 2018): one coefficient for a batch, as in the reference, or one for each image.

use rayon::prelude::*;

use super::resume::Position;
use crate::config::Experiment;
use crate::data::Batch;
use crate::evaluate::loss::Targets;
use crate::random::numpy::RandomState;
use crate::random::{Keyed, Purpose, mixup_coefficients};

/// Mixes the batches of a run.
pub(super) struct Mixup<'a> {
    experiment: &'a Experiment,
    reference: ReferenceDraws,
}

impl<'a> Mixup<'a> {
    /// Before the first batch.
    pub fn new(experiment: &'a Experiment) -> Self {
        Self { experiment, reference: ReferenceDraws::new(experiment.train.mixup_alpha) }
    }

    /// The next batch of an epoch after mixup, and its labels; as it is where `train.mixup_alpha` is 0. What is drawn depends on
    /// `seed.order`, the epoch and the step alone; the reference's coefficients on the number of steps that the run has made.
    pub fn mixed(&mut self, batch: Batch, position: &Position, steps: u64) -> (Batch, Targets) {
        let (train, count) = (&self.experiment.train, batch.labels.len());
        if train.mixup_alpha <= 0.0 {
            let targets = Targets { first: batch.labels.clone(), second: None };
            return (batch, targets);
        }
        let (seed, epoch, step) =
            (self.experiment.order_seed(), position.epoch as u64 + 1, position.step as u64);
        let draws = if train.mixup_per_sample { count } else { 1 };
        let coefficients = match train.mixup_reference_draws {
            true => vec![self.reference.at(steps)],
            false => mixup_coefficients(seed, epoch, step, train.mixup_alpha, draws),
        };
        let mut random = Keyed::new(seed, Purpose::Mixup, epoch, step);
        // The first draw is the seed of the coefficients.
        random.next_u32();
        let index = random.permutation(count);
        let images = mix(&batch.images, &index, &coefficients);
        let second = index.iter().map(|i| batch.labels[*i]).collect();
        let targets = Targets { first: batch.labels.clone(), second: Some((second, coefficients)) };
        (Batch { images, ..batch }, targets)
    }
}

/// Draws of `RandomState(0).beta(alpha, alpha)`, one a step of the run.
pub struct ReferenceDraws {
    random: RandomState,
    alpha: f64,
    drawn: u64,
}

impl ReferenceDraws {
    /// Before the first step.
    pub fn new(alpha: f64) -> Self {
        Self { random: RandomState::new(0), alpha, drawn: 0 }
    }

    /// The coefficient of the step after so many. A run that goes on draws those of the steps that it has made once more.
    pub fn at(&mut self, steps: u64) -> f64 {
        if steps < self.drawn {
            *self = Self::new(self.alpha);
        }
        while self.drawn < steps {
            self.random.beta(self.alpha, self.alpha);
            self.drawn += 1;
        }
        self.drawn += 1;
        self.random.beta(self.alpha, self.alpha)
    }
}

/// `coefficient * images + (1 - coefficient) * images[index]`, with one coefficient for all images or one for each.
/// Images: `[batch, 3, height, width]`, as many as `index` is long.
pub fn mix(images: &[f32], index: &[usize], coefficients: &[f64]) -> Vec<f32> {
    let size = images.len() / index.len();
    let image = |number: usize| &images[number * size..(number + 1) * size];
    let mut mixed = vec![0.0; images.len()];
    mixed.par_chunks_mut(size).zip(index).enumerate().for_each(|(number, (mixed, other))| {
        let coefficient = coefficients[if coefficients.len() == 1 { 0 } else { number }];
        let (own, rest) = (coefficient as f32, (1.0 - coefficient) as f32);
        let pairs = image(number).iter().zip(image(*other));
        mixed.iter_mut().zip(pairs).for_each(|(mixed, (one, two))| *mixed = one * own + two * rest);
    });
    mixed
}
