//! The objective, its gradient and the products of its Hessian, all for a sample.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::{Classifier, Samples, Scaling};

/// Rows of one part at least. How the rows are cut depends on their number alone, and so do the sums.
const PART_ROWS: usize = 256;
/// Parts at most: each has a gradient of its own.
const PARTS: usize = 32;

/// `mean_i loss_i + decay |W|^2 / 2` over some samples, with `decay = 1 / (C samples)`: the regression's objective over C and the
/// number of samples. Features are centred, which changes the biases alone, and is easier to minimise.
///
/// Parameters are one vector: weights `[classes, width]`, then biases `[classes]`.
pub(super) struct Objective<'a> {
    samples: Samples<'a>,
    rows: Vec<usize>,
    /// Of each feature: what is taken off, and what it is multiplied by then.
    shifts: Vec<f64>,
    scales: Vec<f64>,
    /// The variance of each feature after that.
    variances: Vec<f64>,
}

/// The objective at some parameters.
pub(super) struct Point {
    pub parameters: Vec<f64>,
    /// Mean cross-entropy, nats.
    pub loss: f64,
    /// With the penalty.
    pub value: f64,
    pub gradient: Vec<f64>,
    /// `[rows, classes]` of each part.
    probabilities: Vec<Vec<f32>>,
    /// The mean of `p (1 - p)` of each class.
    spreads: Vec<f64>,
}

/// Sums over some rows.
struct Part {
    loss: f64,
    gradient: Vec<f64>,
    /// `[rows, classes]`.
    probabilities: Vec<f32>,
    spreads: Vec<f64>,
}

impl<'a> Objective<'a> {
    pub fn new(samples: Samples<'a>, rows: Vec<usize>, scaling: Scaling) -> Self {
        let (width, count) = (samples.width(), rows.len() as f64);
        let row = |row: &usize| &samples.features[row * width..(row + 1) * width];
        let mut shifts = vec![0.0; width];
        for values in rows.iter().map(row) {
            shifts.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        shifts.iter_mut().for_each(|sum| *sum /= count);
        let mut variances = vec![0.0; width];
        for values in rows.iter().map(row) {
            for ((sum, value), mean) in variances.iter_mut().zip(values).zip(&shifts) {
                *sum += (f64::from(*value) - mean).powi(2);
            }
        }
        variances.iter_mut().for_each(|sum| *sum /= count);
        let scale = |variance: &f64| match scaling {
            Scaling::Standard if *variance > 0.0 => variance.sqrt().recip(),
            _ => 1.0,
        };
        let scales: Vec<f64> = variances.iter().map(scale).collect();
        variances.iter_mut().zip(&scales).for_each(|(variance, scale)| *variance *= scale * scale);
        Self { samples, rows, shifts, scales, variances }
    }

    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.samples.classes * (self.samples.width() + 1)
    }

    /// The penalty's factor for a strength C.
    pub fn decay(&self, strength: f64) -> f64 {
        let strength = if self.samples.classes == 2 { 0.5 * strength } else { strength };
        1.0 / (strength * self.rows.len() as f64)
    }

    /// The classifier of features as they are.
    pub fn classifier(&self, parameters: &[f64]) -> Classifier {
        let width = self.samples.width();
        let (weights, biases) = parameters.split_at(self.samples.classes * width);
        let scaled = |(weight, scale): (&f64, &f64)| weight * scale;
        let weights: Vec<f64> =
            weights.chunks_exact(width).flat_map(|row| row.iter().zip(&self.scales).map(scaled)).collect();
        let moved = |(row, bias): (&[f64], &f64)| bias - dot(row, &self.shifts);
        let mut biases: Vec<f64> = weights.chunks_exact(width).zip(biases).map(moved).collect();
        // What all classes have in common changes no probability.
        let mean = biases.iter().sum::<f64>() / biases.len() as f64;
        biases.iter_mut().for_each(|bias| *bias -= mean);
        Classifier { weights, biases }
    }

    /// Value and gradient.
    pub fn at(&self, parameters: Vec<f64>, decay: f64) -> Point {
        let classes = self.samples.classes;
        let parts: Vec<Part> = self.parts().map(|rows| self.part(rows, &parameters)).collect();
        let count = self.rows.len() as f64;
        let (mut loss, mut gradient, mut spreads) = (0.0, vec![0.0; self.len()], vec![0.0; classes]);
        let mut probabilities = Vec::with_capacity(parts.len());
        for part in parts {
            loss += part.loss / count;
            add(&mut gradient, 1.0 / count, &part.gradient);
            add(&mut spreads, 1.0 / count, &part.spreads);
            probabilities.push(part.probabilities);
        }
        let weights = self.weights(&parameters);
        let value = loss + 0.5 * decay * dot(weights, weights);
        add(&mut gradient[..weights.len()], decay, weights);
        Point { parameters, loss, value, gradient, probabilities, spreads }
    }

    /// What some rows add to value and gradient.
    fn part(&self, rows: &[usize], parameters: &[f64]) -> Part {
        let classes = self.samples.classes;
        let features = self.features(rows);
        let mut values = self.logits(&features, rows.len(), parameters);
        let (mut loss, mut spreads) = (0.0, vec![0.0; classes]);
        let mut probabilities = Vec::with_capacity(values.len());
        for (logits, row) in values.chunks_exact_mut(classes).zip(rows) {
            let label = self.samples.labels[*row];
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let own = logits[label] - largest;
            logits.iter_mut().for_each(|logit| *logit = (*logit - largest).exp());
            let sum: f64 = logits.iter().sum();
            loss += sum.ln() - own;
            for (probability, spread) in logits.iter_mut().zip(&mut spreads) {
                *probability /= sum;
                *spread += *probability * (1.0 - *probability);
                probabilities.push(*probability as f32);
            }
            // What is left is the gradient of the loss by the logits.
            logits[label] -= 1.0;
        }
        Part { loss, gradient: self.gathered(&features, &values), probabilities, spreads }
    }

    /// The product of the Hessian at a point with a vector.
    pub fn hessian_product(&self, point: &Point, vector: &[f64], decay: f64) -> Vec<f64> {
        let classes = self.samples.classes;
        let parts: Vec<Vec<f64>> = self
            .parts()
            .zip(&point.probabilities)
            .map(|(rows, probabilities)| {
                let features = self.features(rows);
                let mut values = self.logits(&features, rows.len(), vector);
                for (values, probabilities) in
                    values.chunks_exact_mut(classes).zip(probabilities.chunks_exact(classes))
                {
                    let mean: f64 =
                        values.iter().zip(probabilities).map(|(value, p)| value * f64::from(*p)).sum();
                    values
                        .iter_mut()
                        .zip(probabilities)
                        .for_each(|(value, p)| *value = f64::from(*p) * (*value - mean));
                }
                self.gathered(&features, &values)
            })
            .collect();
        let mut product = vec![0.0; self.len()];
        parts.iter().for_each(|part| add(&mut product, 1.0 / self.rows.len() as f64, part));
        let weights = self.weights(vector);
        add(&mut product[..weights.len()], decay, weights);
        product
    }

    /// About the diagonal of the Hessian at a point.
    pub fn diagonal(&self, point: &Point, decay: f64) -> Vec<f64> {
        /// Keeps classes that are never in doubt from dividing by zero.
        const LEAST: f64 = 1e-12;
        let weights = point
            .spreads
            .iter()
            .flat_map(|spread| self.variances.iter().map(move |variance| spread * variance + decay));
        weights.chain(point.spreads.iter().map(|spread| spread.max(LEAST))).collect()
    }

    fn weights<'p>(&self, parameters: &'p [f64]) -> &'p [f64] {
        &parameters[..self.samples.classes * self.samples.width()]
    }

    fn parts(&self) -> rayon::slice::Chunks<'_, usize> {
        self.rows.par_chunks(PART_ROWS.max(self.rows.len().div_ceil(PARTS)))
    }

    /// Centred and scaled features `[rows, width]`.
    fn features(&self, rows: &[usize]) -> Vec<f64> {
        let width = self.samples.width();
        let mut features = Vec::with_capacity(rows.len() * width);
        for row in rows {
            let values = &self.samples.features[row * width..(row + 1) * width];
            let moved = values.iter().zip(&self.shifts).zip(&self.scales);
            features.extend(moved.map(|((value, shift), scale)| (f64::from(*value) - shift) * scale));
        }
        features
    }

    /// `[rows, classes]` of features `[rows, width]`.
    fn logits(&self, features: &[f64], rows: usize, parameters: &[f64]) -> Vec<f64> {
        let (classes, width) = (self.samples.classes, self.samples.width());
        let (weights, biases) = parameters.split_at(classes * width);
        let mut logits = biases.repeat(rows);
        matmul(
            MatMut::from_row_major_slice_mut(&mut logits, rows, classes),
            Accum::Add,
            MatRef::from_row_major_slice(features, rows, width),
            MatRef::from_row_major_slice(weights, classes, width).transpose(),
            1.0,
            Par::Seq,
        );
        logits
    }

    /// The gradient by the parameters, from that by the logits, `[rows, classes]`.
    fn gathered(&self, features: &[f64], values: &[f64]) -> Vec<f64> {
        let (classes, width) = (self.samples.classes, self.samples.width());
        let rows = values.len() / classes;
        let mut gradient = vec![0.0; self.len()];
        let (weights, biases) = gradient.split_at_mut(classes * width);
        matmul(
            MatMut::from_row_major_slice_mut(weights, classes, width),
            Accum::Replace,
            MatRef::from_row_major_slice(values, rows, classes).transpose(),
            MatRef::from_row_major_slice(features, rows, width),
            1.0,
            Par::Seq,
        );
        values.chunks_exact(classes).for_each(|row| add(biases, 1.0, row));
        gradient
    }
}

/// Adds a multiple of a vector.
pub(super) fn add(sum: &mut [f64], factor: f64, vector: &[f64]) {
    sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += factor * value);
}

/// The inner product.
pub(super) fn dot(one: &[f64], two: &[f64]) -> f64 {
    one.iter().zip(two).map(|(one, two)| one * two).sum()
}
