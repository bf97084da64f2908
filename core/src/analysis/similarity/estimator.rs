//! Estimates of HSIC and CKA from Gram matrices (Kornblith et al. 2019; Székely and Rizzo 2014; Nguyen et al. 2021).

use std::f64::consts::SQRT_2;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::MIN_SAMPLES;
use crate::error::{Error, Result};
use crate::kernel::gram::add_gram;

/// How CKA is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Estimator {
    /// The definition: biased upwards where there are fewer samples than features.
    Exact,
    /// HSIC as a U-statistic, which unrelated features bring to zero on average; may be negative.
    Unbiased,
    /// Unbiased HSIC averaged over batches, for more samples than memory has room for. The samples are dealt to
    /// `ceil(n / batch)` batches one by one, so that each has its share of every class and none is a short rest.
    Minibatch {
        /// Samples of a batch at most.
        batch: usize,
    },
}

impl Estimator {
    /// Samples of a batch unless another number is chosen, as in Nguyen et al. 2021.
    pub const BATCH: usize = 256;

    /// # Errors
    /// [`Error::Usage`] for batches of fewer than four samples.
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Minibatch { batch } if batch < MIN_SAMPLES => Err(Error::usage(format!(
                "minibatch CKA needs batches of at least {MIN_SAMPLES} samples; choose a larger --batch than {batch}"
            ))),
            _ => Ok(()),
        }
    }

    /// The samples whose HSICs are averaged: all at once, or in batches of at least four.
    pub(super) fn batches(self, samples: usize) -> Vec<Vec<usize>> {
        let count = match self {
            Self::Exact | Self::Unbiased => 1,
            Self::Minibatch { batch } => samples.div_ceil(batch).min(samples / MIN_SAMPLES).max(1),
        };
        (0..count).map(|first| (first..samples).step_by(count).collect()).collect()
    }
}

/// A centred Gram matrix; the inner product of two is their HSIC. The upper triangle is left out, and what lies off the diagonal
/// is weighted for both.
#[derive(Debug)]
pub(super) struct Gram(Vec<f32>);

impl Gram {
    /// Bytes that a matrix of `samples` takes.
    pub fn bytes(samples: usize) -> usize {
        samples * (samples + 1) / 2 * size_of::<f32>()
    }

    /// Centres products of features: subtracts the means of rows and columns, of the unbiased estimate with the diagonal
    /// left out; scaled such that an inner product of two is HSIC, or HSIC_1. `None` if they are not finite.
    ///
    /// # Shapes
    /// - products: `[samples, samples]`, of which only the lower triangle is read
    pub fn centred(products: &[f64], samples: usize, estimator: Estimator) -> Option<Self> {
        let n = samples as f64;
        let is_exact = estimator == Estimator::Exact;
        let row = |i: usize| &products[i * samples..][..i + usize::from(is_exact)];
        let mut means = vec![0.0; samples];
        for i in 0..samples {
            for (j, value) in row(i).iter().enumerate() {
                means[i] += value;
                if j < i {
                    means[j] += value;
                }
            }
        }
        let (count, scale) = if is_exact { (n, 1.0) } else { (n - 2.0, (n * (n - 3.0)).sqrt()) };
        means.iter_mut().for_each(|sum| *sum /= count);
        let total: f64 = means.iter().sum();
        let shared = if is_exact { total / n } else { total / (n - 1.0) };
        let mut centred = Vec::with_capacity(samples * (samples + 1) / 2);
        for i in 0..samples {
            let value = |(j, product): (usize, &f64)| {
                let weight = if i == j { 1.0 } else { SQRT_2 };
                (weight * (product - means[i] - means[j] + shared) / scale) as f32
            };
            centred.extend(row(i).iter().enumerate().map(value));
        }
        centred.iter().all(|value| value.is_finite()).then_some(Self(centred))
    }

    /// The HSIC of two sets of features.
    pub fn inner(&self, other: &Self) -> f64 {
        const LANES: usize = 16;
        let (one, two) = (self.0.chunks_exact(LANES), other.0.chunks_exact(LANES));
        let product = |(a, b): (&f32, &f32)| f64::from(*a) * f64::from(*b);
        let rest: f64 = one.remainder().iter().zip(two.remainder()).map(product).sum();
        let mut sums = [0.0; LANES];
        for (one, two) in one.zip(two) {
            for (sum, pair) in sums.iter_mut().zip(one.iter().zip(two)) {
                *sum += product(pair);
            }
        }
        sums.iter().sum::<f64>() + rest
    }
}

/// `HSIC(x, y) / sqrt(HSIC(x, x) HSIC(y, y))`; undefined where features are the same for every sample.
pub(super) fn normalised(xy: f64, xx: f64, yy: f64) -> Option<f64> {
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

/// Linear CKA of two sets of features of the same samples; `None` if the features of one are the same for every sample or not
/// finite.
///
/// # Shapes
/// - one, two: `[samples, features]`, row-major; as many samples, of any number of features each
///
/// # Errors
/// [`Error::Usage`] for fewer than four samples, or lengths that are no multiple of their number.
pub fn linear_cka(one: &[f32], two: &[f32], samples: usize, estimator: Estimator) -> Result<Option<f64>> {
    estimator.check()?;
    if samples < MIN_SAMPLES || !one.len().is_multiple_of(samples) || !two.len().is_multiple_of(samples) {
        return Err(Error::usage(format!(
            "CKA needs at least {MIN_SAMPLES} samples and equally many features of each; there are {samples} samples, and {} and {} values",
            one.len(),
            two.len()
        )));
    }
    let mut sums = [0.0; 3];
    for batch in estimator.batches(samples) {
        let grams: Vec<Option<Gram>> = [one, two]
            .into_par_iter()
            .map(|features| {
                let width = features.len() / samples;
                let row = |sample: usize| &features[sample * width..][..width];
                let first = row(batch[0]);
                let shifted = batch
                    .iter()
                    .flat_map(|sample| row(*sample).iter().zip(first).map(|(x, first)| x - first));
                let mut products = vec![0.0; batch.len() * batch.len()];
                add_gram(&shifted.collect::<Vec<f32>>(), batch.len(), &mut products);
                Gram::centred(&products, batch.len(), estimator)
            })
            .collect();
        let [Some(one), Some(two)] = &grams[..] else { return Ok(None) };
        for (sum, hsic) in sums.iter_mut().zip([one.inner(two), one.inner(one), two.inner(two)]) {
            *sum += hsic;
        }
    }
    let [xy, xx, yy] = sums;
    Ok(normalised(xy, xx, yy))
}
