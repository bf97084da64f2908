//! Layer normalisation: each row by its own mean and variance (Ba et al. 2016, as PyTorch's `LayerNorm`).

use rayon::prelude::*;

use super::slice::sum_lanes;
use super::tile::{Kernel, Work, with_widest};

/// Floats of one task, about: so few rows that sums over them are exact enough in single precision.
const CHUNK: usize = 1 << 14;

/// Factor and shift of each column, and what is added to variances.
#[derive(Debug, Clone, Copy)]
pub struct Affine<'a> {
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    pub epsilon: f32,
}

/// `(row - mean) / sqrt(variance + epsilon) * weight + bias` for each row of `[rows, channels]`.
pub fn forward(values: &[f32], affine: Affine) -> Vec<f32> {
    let chunk = CHUNK.next_multiple_of(affine.weight.len());
    let mut output = vec![0.0; values.len()];
    output
        .par_chunks_mut(chunk)
        .zip(values.par_chunks(chunk))
        .for_each(|(output, values)| with_widest(Forward { values, affine, output }));
    output
}

/// The gradients of weight and bias; writes that of the values over the gradient of the output.
pub fn gradient(values: &[f32], affine: Affine, gradient: &mut [f32]) -> [Vec<f32>; 2] {
    let channels = affine.weight.len();
    let chunk = CHUNK.next_multiple_of(channels);
    let parts: Vec<[Vec<f32>; 2]> = gradient
        .par_chunks_mut(chunk)
        .zip(values.par_chunks(chunk))
        .map(|(gradient, values)| with_widest(Backward { values, affine, gradient }))
        .collect();
    [0, 1].map(|which| {
        let mut total = vec![0.0f64; channels];
        for part in &parts {
            total.iter_mut().zip(&part[which]).for_each(|(total, value)| *total += f64::from(*value));
        }
        total.iter().map(|total| *total as f32).collect()
    })
}

struct Forward<'a> {
    values: &'a [f32],
    affine: Affine<'a>,
    output: &'a mut [f32],
}

impl Work for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let Self { values, affine: Affine { weight, bias, epsilon }, output } = self;
        let channels = weight.len();
        for (output, row) in output.chunks_exact_mut(channels).zip(values.chunks_exact(channels)) {
            let (mean, factor) = moments(row, epsilon, output);
            for ((output, value), (weight, bias)) in output.iter_mut().zip(row).zip(weight.iter().zip(bias)) {
                *output = (value - mean) * factor * weight + bias;
            }
        }
    }
}

struct Backward<'a> {
    values: &'a [f32],
    affine: Affine<'a>,
    gradient: &'a mut [f32],
}

impl Work for Backward<'_> {
    /// Sums over rows for the gradients of weight and bias.
    type Output = [Vec<f32>; 2];

    #[inline(always)]
    fn run<K: Kernel>(self) -> [Vec<f32>; 2] {
        let Self { values, affine: Affine { weight, epsilon, .. }, gradient } = self;
        let channels = weight.len();
        let [mut weight_sums, mut bias_sums] = [vec![0.0; channels], vec![0.0; channels]];
        let [mut normal, mut product] = [vec![0.0; channels], vec![0.0; channels]];
        for (gradient, row) in gradient.chunks_exact_mut(channels).zip(values.chunks_exact(channels)) {
            let (mean, factor) = moments(row, epsilon, &mut product);
            for (normal, value) in normal.iter_mut().zip(row) {
                *normal = (value - mean) * factor;
            }
            let sums = weight_sums.iter_mut().zip(&mut bias_sums);
            for (((gradient, normal), weight), (weight_sum, bias_sum)) in
                gradient.iter_mut().zip(&normal).zip(weight).zip(sums)
            {
                *weight_sum += *gradient * normal;
                *bias_sum += *gradient;
                *gradient *= weight;
            }
            let along = sum_lanes(gradient) / channels as f32;
            for ((product, gradient), normal) in product.iter_mut().zip(&*gradient).zip(&normal) {
                *product = gradient * normal;
            }
            let across = sum_lanes(&product) / channels as f32;
            for (gradient, normal) in gradient.iter_mut().zip(&normal) {
                *gradient = (*gradient - along - normal * across) * factor;
            }
        }
        [weight_sums, bias_sums]
    }
}

/// Mean of a row, and one over its standard deviation; `room` is as long as the row.
#[inline(always)]
fn moments(row: &[f32], epsilon: f32, room: &mut [f32]) -> (f32, f32) {
    let count = row.len() as f32;
    let mean = sum_lanes(row) / count;
    for (square, value) in room.iter_mut().zip(row) {
        *square = (value - mean) * (value - mean);
    }
    let variance = sum_lanes(room) / count + epsilon;
    // An overflow is not to end as zeros.
    (mean, if variance.is_finite() { 1.0 / variance.sqrt() } else { f32::NAN })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variance_that_overflows_gives_nan_as_in_pytorch() {
        let (weight, bias) = ([1.0; 4], [0.5; 4]);
        let affine = Affine { weight: &weight, bias: &bias, epsilon: 1e-6 };
        let values = [1.0, 2.0, 3.0, 1e30, 1.0, 2.0, 3.0, 4.0];
        let output = forward(&values, affine);
        assert!(output[..4].iter().all(|value| value.is_nan()) && output[4..].iter().all(|v| v.is_finite()));
        let mut slopes = [1.0; 8];
        gradient(&values, affine, &mut slopes);
        assert!(slopes[..4].iter().all(|slope| slope.is_nan()));
    }

    #[test]
    fn values_and_gradients_are_those_of_the_definition() {
        for (rows, channels) in [(3, 5), (700, 37), (2, 64), (1, 1)] {
            let wave = |count: usize, seed: f32| -> Vec<f32> {
                (0..count).map(|i| ((i as f32 + seed) * 12.9898).sin()).collect()
            };
            let (values, weight, bias) =
                (wave(rows * channels, 0.5), wave(channels, 3.0), wave(channels, 9.0));
            let outer = wave(rows * channels, 40.0);
            let affine = Affine { weight: &weight, bias: &bias, epsilon: 1e-6 };
            let plain = |values: &[f64], weight: &[f64]| -> Vec<f64> {
                let row = |row: &[f64]| -> Vec<f64> {
                    let mean = row.iter().sum::<f64>() / channels as f64;
                    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / channels as f64;
                    let normal = row.iter().map(|x| (x - mean) / (variance + 1e-6).sqrt());
                    normal.zip(weight.iter().zip(&bias)).map(|(x, (w, b))| x * w + f64::from(*b)).collect()
                };
                values.chunks_exact(channels).flat_map(row).collect()
            };
            let wide =
                |values: &[f32]| -> Vec<f64> { values.iter().map(|value| f64::from(*value)).collect() };
            let right = plain(&wide(&values), &wide(&weight));
            for (ours, right) in forward(&values, affine).iter().zip(right) {
                assert!((f64::from(*ours) - right).abs() < 1e-5, "{rows} x {channels}: {ours} {right}");
            }
            let mut slopes = outer.clone();
            let [of_weight, of_bias] = gradient(&values, affine, &mut slopes);
            let weighted = |values: &[f64], weight: &[f64]| -> f64 {
                plain(values, weight).iter().zip(&outer).map(|(x, outer)| x * f64::from(*outer)).sum()
            };
            let slope = |index: usize, of_values: bool| {
                let moved = |by: f64| {
                    let (mut values, mut weight) = (wide(&values), wide(&weight));
                    if of_values {
                        values[index] += by
                    } else {
                        weight[index] += by
                    }
                    weighted(&values, &weight)
                };
                (moved(1e-5) - moved(-1e-5)) / 2e-5
            };
            for index in (0..values.len()).step_by(values.len() / 11 + 1) {
                let right = if channels == 1 { 0.0 } else { slope(index, true) };
                assert!((f64::from(slopes[index]) - right).abs() < 1e-4, "{rows} x {channels}: {right}");
            }
            for index in (0..channels).step_by(channels / 7 + 1) {
                let (right, sum) =
                    (slope(index, false), outer.iter().skip(index).step_by(channels).sum::<f32>());
                assert!((f64::from(of_weight[index]) - right).abs() < 1e-4, "{rows} x {channels}: {right}");
                assert!((of_bias[index] - sum).abs() < 1e-4, "{rows} x {channels}");
            }
        }
    }
}
