//! A convolution with everything around it in one pass: input bias, output bias, residual, ReLU.
//!
//! All images are channels-last, `[batch, height, width, channels]`; weights `[kernel, kernel, in, out]`.
//! Zero padding comes after the input bias, so a padded pixel holds `-input_bias` before it is added.
//! Results do not depend on the number of threads.

pub mod geometry;
mod panel;
mod product;
mod view;
mod weight;
mod winograd;

#[cfg(test)]
mod tests;

use rayon::prelude::*;

use self::geometry::Geometry;
use self::product::{Finish, product};
use self::view::{Tap, View, pad};
use self::weight::weight_gradient;
use super::slice::{Shared, fill};
use super::tile::COLS;

/// Floats of one partial sum over an activation; fixes the order of addition.
const SUM_CHUNK: usize = 1 << 16;

/// What is added before and after a convolution, and whether a ReLU follows.
#[derive(Debug, Clone, Copy)]
pub struct Surround<'a> {
    /// Added to each input pixel, before zero padding.
    pub input_bias: f32,
    /// Added to each output: one for all channels, or one for each.
    pub output_bias: &'a [f32],
    /// Negative outputs become zero.
    pub relu: bool,
}

/// `act(conv(x + input_bias) + output_bias + residual)`.
pub fn forward(
    g: &Geometry,
    images: &[f32],
    weights: &[f32],
    residual: Option<&[f32]>,
    around: Surround,
) -> Vec<f32> {
    let mut start: Vec<f32> = around.output_bias.iter().copied().cycle().take(g.out_channels).collect();
    start.resize(g.out_channels.next_multiple_of(COLS), 0.0);
    if winograd::is_faster(g) {
        let finish = Finish { start: &start, residual, relu: around.relu, total: false };
        let panels = panel::by_column(weights, &View::forward(g).taps, g.in_channels, g.out_channels);
        return fill(g.out_pixels() * g.out_channels, |target| {
            winograd::convolve(g, images, around.input_bias, &panels, &finish, target);
        });
    }
    let outside = vec![-around.input_bias; g.in_channels];
    let run = |view: &View, source: &[f32]| {
        let mut start = start;
        for tap in &view.taps {
            let floats = view.depth * g.out_channels;
            let sums = column_sums(&weights[tap.position * floats..][..floats], g.out_channels);
            start.iter_mut().zip(sums).for_each(|(start, sum)| *start += around.input_bias * sum as f32);
        }
        let finish = Finish { start: &start, residual, relu: around.relu, total: false };
        let panels = panel::by_column(weights, &view.taps, view.depth, g.out_channels);
        fill(g.out_pixels() * g.out_channels, |target| {
            product(view, source, &outside, &panels, g.out_channels, &finish, target);
        })
    };
    if g.is_narrow() {
        run(&View::forward_by_rows(g), &pad(images, g, -around.input_bias))
    } else {
        run(&View::forward(g), images)
    }
}

/// The gradient of the pre-activations (before the ReLU), and its sum over pixels for each channel.
///
/// `output` is what [`forward`] returned, where a ReLU followed.
pub fn before_relu(mut gradient: Vec<f32>, output: Option<&[f32]>, channels: usize) -> (Vec<f32>, Vec<f64>) {
    let chunk = SUM_CHUNK.next_multiple_of(channels);
    let sums: Vec<Vec<f64>> = gradient
        .par_chunks_mut(chunk)
        .enumerate()
        .map(|(index, gradient)| {
            if let Some(output) = output {
                for (gradient, output) in gradient.iter_mut().zip(&output[index * chunk..]) {
                    *gradient = if *output > 0.0 { *gradient } else { 0.0 };
                }
            }
            column_sums_serial(gradient, channels)
        })
        .collect();
    (gradient, add_up(sums, channels))
}

/// The gradient of the images and the sum of it, which is that of the input bias.
pub fn image_gradient(g: &Geometry, weights: &[f32], gradient: &[f32]) -> (Vec<f32>, f32) {
    let outside = vec![0.0; g.out_channels];
    let start = vec![0.0; g.in_channels.next_multiple_of(COLS)];
    let finish = Finish { start: &start, residual: None, relu: false, total: true };
    let mut sum = 0.0;
    let swapped = Geometry { in_channels: g.out_channels, out_channels: g.in_channels, ..*g };
    if winograd::is_faster(&swapped) {
        // The convolution with weights turned by half a turn.
        let taps: Vec<Tap> = View::forward(g).taps.into_iter().rev().collect();
        let panels = panel::by_row(weights, &taps, g.out_channels, g.in_channels);
        let images = fill(g.in_pixels() * g.in_channels, |target| {
            sum = winograd::convolve(&swapped, gradient, 0.0, &panels, &finish, target);
        });
        return (images, sum as f32);
    }
    let images = fill(g.in_pixels() * g.in_channels, |target: Shared| {
        for view in View::backward(g) {
            let panels = panel::by_row(weights, &view.taps, view.depth, g.in_channels);
            sum += product(&view, gradient, &outside, &panels, g.in_channels, &finish, target);
        }
    });
    (images, sum as f32)
}

/// The gradient of the weights. `channel_sums` are those of `gradient`, from [`before_relu`].
pub fn weights_gradient(
    g: &Geometry,
    images: &[f32],
    gradient: &[f32],
    channel_sums: &[f64],
    input_bias: f32,
) -> Vec<f32> {
    let outside = vec![-input_bias; g.in_channels];
    let start: Vec<f32> = channel_sums.iter().map(|sum| input_bias * *sum as f32).collect();
    let run = |view: &View, source: &[f32], positions: usize| {
        weight_gradient(view, source, &outside, gradient, g.out_channels, positions, &start)
    };
    if g.is_narrow() {
        run(&View::forward_by_rows(g), &pad(images, g, -input_bias), g.kernel)
    } else {
        run(&View::forward(g), images, g.kernel * g.kernel)
    }
}

/// For each column of a row-major matrix, the sum over its rows.
fn column_sums(matrix: &[f32], columns: usize) -> Vec<f64> {
    let chunk = SUM_CHUNK.next_multiple_of(columns);
    let sums = matrix.par_chunks(chunk).map(|rows| column_sums_serial(rows, columns)).collect();
    add_up(sums, columns)
}

/// The gradient of a scalar bias is a sum of large terms that nearly cancel, so only few rows are added in single precision.
fn column_sums_serial(matrix: &[f32], columns: usize) -> Vec<f64> {
    const ROWS: usize = 16;
    let mut sums = vec![0.0; columns];
    let mut few = vec![0.0; columns];
    for rows in matrix.chunks(ROWS * columns) {
        few.fill(0.0);
        for row in rows.chunks_exact(columns) {
            few.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        sums.iter_mut().zip(&few).for_each(|(sum, few)| *sum += f64::from(*few));
    }
    sums
}

fn add_up(parts: Vec<Vec<f64>>, columns: usize) -> Vec<f64> {
    let mut total = vec![0.0; columns];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(total, value)| *total += value);
    }
    total
}
