//! Mixup (Zhang et al. 2018): one coefficient for a batch, as in the reference, or one for each image.

use rayon::prelude::*;

use super::resume::Position;
use crate::config::Experiment;
use crate::data::Batch;
use crate::evaluate::loss::Targets;
use crate::random::{Keyed, Purpose, mixup_coefficients};

/// The next batch of an epoch after mixup, and its labels; as it is where `train.mixup_alpha` is 0. What is drawn depends on
/// `seed.order`, the epoch and the step alone.
pub(super) fn mixed(experiment: &Experiment, batch: Batch, position: &Position) -> (Batch, Targets) {
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
