//! The passes of batch normalisation over an activation, `[pixels, channels]`.

use rayon::prelude::*;

use super::slice::at_least;

/// Floats of one task, about; a task's part of an activation stays in the second-level cache.
const CHUNK: usize = 1 << 16;
/// Rows that are added in single precision before their sum goes into double precision.
const ROWS: usize = 16;

/// Mean and variance of each channel.
pub struct Moments {
    pub mean: Vec<f32>,
    pub variance: Vec<f32>,
}

impl Moments {
    /// NaN where the variance overflows, so that this does not end as zeros.
    fn deviation(&self, channel: usize, epsilon: f64) -> f64 {
        let variance = f64::from(self.variance[channel]);
        if variance.is_finite() { (variance + epsilon).sqrt() } else { f64::NAN }
    }
}

/// Each task centres its rows by their own means before it squares them; Chan's formula joins the tasks.
pub fn moments(images: &[f32], channels: usize) -> Moments {
    let parts: Vec<(usize, Vec<f64>, Vec<f64>)> = images
        .par_chunks(CHUNK.next_multiple_of(channels))
        .map(|chunk| {
            let rows = chunk.len() / channels;
            let [mut mean] = sums(chunk, channels, |row, [sums]| {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            });
            mean.iter_mut().for_each(|mean| *mean /= rows as f64);
            let centre: Vec<f32> = mean.iter().map(|mean| *mean as f32).collect();
            let [squares] = sums(chunk, channels, |row, [sums]| {
                for ((sum, value), centre) in sums.iter_mut().zip(row).zip(&centre) {
                    *sum += (value - centre) * (value - centre);
                }
            });
            (rows, mean, squares)
        })
        .collect();
    let mut count = 0.0;
    let (mut mean, mut squares) = (vec![0.0; channels], vec![0.0; channels]);
    for (rows, part_mean, part_squares) in parts {
        let rows = rows as f64;
        let total = count + rows;
        for channel in 0..channels {
            let distance = part_mean[channel] - mean[channel];
            mean[channel] += distance * rows / total;
            squares[channel] += part_squares[channel] + distance * distance * count * rows / total;
        }
        count = total;
    }
    Moments {
        mean: mean.iter().map(|mean| *mean as f32).collect(),
        variance: squares.iter().map(|squares| (squares / count) as f32).collect(),
    }
}

/// Normalisation as one product and one sum for each channel.
pub struct Affine {
    factor: Vec<f32>,
    shift: Vec<f32>,
}

impl Affine {
    pub fn new(moments: &Moments, weight: &[f32], bias: &[f32], epsilon: f64) -> Self {
        let factor = |channel: usize| f64::from(weight[channel]) / moments.deviation(channel, epsilon);
        let shift =
            |channel: usize| f64::from(bias[channel]) - f64::from(moments.mean[channel]) * factor(channel);
        let channels = 0..weight.len();
        Self {
            factor: channels.clone().map(|channel| factor(channel) as f32).collect(),
            shift: channels.map(|channel| shift(channel) as f32).collect(),
        }
    }
}

/// `act(images * factor + shift + residual)`.
pub fn apply(images: &[f32], affine: &Affine, residual: Option<&[f32]>, relu: bool) -> Vec<f32> {
    let channels = affine.factor.len();
    let chunk = CHUNK.next_multiple_of(channels);
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let mut output = vec![0.0; images.len()];
    output.par_chunks_mut(chunk).enumerate().for_each(|(index, output)| {
        let first = index * chunk;
        let rows = output.chunks_exact_mut(channels).zip(images[first..].chunks_exact(channels));
        match residual {
            None => {
                for (output, image) in rows {
                    let constants = affine.factor.iter().zip(&affine.shift);
                    for ((output, value), (factor, shift)) in output.iter_mut().zip(image).zip(constants) {
                        *output = at_least(floor, value * factor + shift);
                    }
                }
            }
            Some(residual) => {
                for ((output, image), residual) in rows.zip(residual[first..].chunks_exact(channels)) {
                    let constants = affine.factor.iter().zip(&affine.shift);
                    let values = image.iter().zip(residual);
                    for ((output, (value, residual)), (factor, shift)) in
                        output.iter_mut().zip(values).zip(constants)
                    {
                        *output = at_least(floor, value * factor + shift + residual);
                    }
                }
            }
        }
    });
    output
}

/// Sums over pixels of the gradient of the pre-activations, for each channel.
pub struct GradientSums {
    /// Of the gradient.
    plain: Vec<f64>,
    /// Of the gradient times the image's distance from the mean.
    centred: Vec<f64>,
}

/// The gradient of the pre-activations (before the ReLU), and its sums. `output` is what [`apply`] returned, where a ReLU followed.
pub fn before_relu(
    mut gradient: Vec<f32>,
    images: &[f32],
    mean: &[f32],
    output: Option<&[f32]>,
) -> (Vec<f32>, GradientSums) {
    let channels = mean.len();
    let chunk = CHUNK.next_multiple_of(channels);
    let parts: Vec<[Vec<f64>; 2]> = gradient
        .par_chunks_mut(chunk)
        .enumerate()
        .map(|(index, gradient)| {
            let first = index * chunk;
            if let Some(output) = output {
                for (gradient, output) in gradient.iter_mut().zip(&output[first..]) {
                    *gradient = if *output > 0.0 { *gradient } else { 0.0 };
                }
            }
            let mut images = images[first..].chunks_exact(channels);
            sums(gradient, channels, |row, [plain, centred]| {
                let image = images.next().unwrap_or(mean);
                let sums = plain.iter_mut().zip(centred.iter_mut());
                for ((sums, gradient), (value, mean)) in sums.zip(row).zip(image.iter().zip(mean)) {
                    *sums.0 += gradient;
                    *sums.1 += gradient * (value - mean);
                }
            })
        })
        .collect();
    let mut total = GradientSums { plain: vec![0.0; channels], centred: vec![0.0; channels] };
    for [plain, centred] in parts {
        total.plain.iter_mut().zip(plain).for_each(|(total, part)| *total += part);
        total.centred.iter_mut().zip(centred).for_each(|(total, part)| *total += part);
    }
    (gradient, total)
}

/// The gradient of an image as `gradient * of_gradient + image * of_image + constant`, for each channel.
pub struct Slopes {
    of_gradient: Vec<f32>,
    of_image: Vec<f32>,
    constant: Vec<f32>,
}

impl GradientSums {
    /// The gradient of the weight.
    pub fn of_weight(&self, moments: &Moments, epsilon: f64) -> Vec<f32> {
        let of = |(channel, sum): (usize, &f64)| (sum / moments.deviation(channel, epsilon)) as f32;
        self.centred.iter().enumerate().map(of).collect()
    }

    /// The gradient of the bias.
    pub fn of_bias(&self) -> Vec<f32> {
        self.plain.iter().map(|sum| *sum as f32).collect()
    }

    /// The derivative of normalising by the moments of the `pixels` images themselves.
    pub fn slopes(&self, moments: &Moments, weight: &[f32], epsilon: f64, pixels: usize) -> Slopes {
        let channels = weight.len();
        let new = || Vec::with_capacity(channels);
        let mut slopes = Slopes { of_gradient: new(), of_image: new(), constant: new() };
        for (channel, weight) in weight.iter().enumerate() {
            let deviation = moments.deviation(channel, epsilon);
            let factor = f64::from(*weight) / deviation;
            let share = factor / pixels as f64;
            let of_image = -share * self.centred[channel] / (deviation * deviation);
            let constant = -share * self.plain[channel] - of_image * f64::from(moments.mean[channel]);
            slopes.of_gradient.push(factor as f32);
            slopes.of_image.push(of_image as f32);
            slopes.constant.push(constant as f32);
        }
        slopes
    }
}

/// The gradient of the images from that of the pre-activations.
pub fn image_gradient(mut gradient: Vec<f32>, images: &[f32], slopes: &Slopes) -> Vec<f32> {
    let channels = slopes.constant.len();
    let chunk = CHUNK.next_multiple_of(channels);
    gradient.par_chunks_mut(chunk).zip(images.par_chunks(chunk)).for_each(|(gradient, images)| {
        for (gradient, image) in gradient.chunks_exact_mut(channels).zip(images.chunks_exact(channels)) {
            let slopes = slopes.of_gradient.iter().zip(&slopes.of_image).zip(&slopes.constant);
            for ((gradient, value), ((of_gradient, of_image), constant)) in
                gradient.iter_mut().zip(image).zip(slopes)
            {
                *gradient = *gradient * of_gradient + value * of_image + constant;
            }
        }
    });
    gradient
}

/// Sums over the rows of a matrix that `add` forms, for each column.
fn sums<const N: usize>(
    matrix: &[f32],
    columns: usize,
    mut add: impl FnMut(&[f32], [&mut [f32]; N]),
) -> [Vec<f64>; N] {
    let mut sums = [(); N].map(|()| vec![0.0; columns]);
    let mut few = [(); N].map(|()| vec![0.0; columns]);
    for rows in matrix.chunks(ROWS * columns) {
        few.iter_mut().for_each(|few| few.fill(0.0));
        for row in rows.chunks_exact(columns) {
            add(row, few.each_mut().map(Vec::as_mut_slice));
        }
        for (sums, few) in sums.iter_mut().zip(&few) {
            sums.iter_mut().zip(few).for_each(|(sum, few)| *sum += f64::from(*few));
        }
    }
    sums
}
