//! The depthwise convolution of ConvNeXt: each channel by its own window of 7 x 7, three pixels of zeros around the image.
//!
//! Images are channels-last; weights `[7, 7, channels]`. A task has sixteen channels of one image, which it copies into a frame of
//! zeros, so that no window needs a bound.

use rayon::prelude::*;

use super::lanes::LANES;
use super::slice::{Shared, fill};
use super::tile::{Kernel, Work, with_widest};

/// Side of a window.
pub const SIDE: usize = 7;
/// Pixels of zeros on each side.
const MARGIN: usize = SIDE / 2;
/// Output pixels of a row that are summed at once.
const TOGETHER: usize = 4;

type Pixel = [f32; LANES];

/// `conv(image) + bias` for each channel.
///
/// # Shapes
/// - images and result: `[batch, height, width, channels]`
/// - weights: `[7, 7, channels]`; bias: `[channels]`
pub fn forward(
    [batch, height, width, channels]: [usize; 4],
    images: &[f32],
    weights: &[f32],
    bias: &[f32],
) -> Vec<f32> {
    convolve([batch, height, width, channels], images, weights, bias, false)
}

/// The gradient of the images from that of the result.
pub fn image_gradient(shape: [usize; 4], gradient: &[f32], weights: &[f32]) -> Vec<f32> {
    convolve(shape, gradient, weights, &vec![0.0; shape[3]], true)
}

/// The gradients of weights and bias.
pub fn weights_gradient(shape: [usize; 4], images: &[f32], gradient: &[f32]) -> [Vec<f32>; 2] {
    let [batch, .., channels] = shape;
    let blocks = channels.div_ceil(LANES);
    let parts: Vec<[Pixel; SIDE * SIDE + 1]> = (0..batch * blocks)
        .into_par_iter()
        .map(|task| {
            with_widest(Correlate { shape, images, gradient, image: task / blocks, block: task % blocks })
        })
        .collect();
    let sum = |window: usize, channel: usize| {
        let parts = parts.iter().skip(channel / LANES).step_by(blocks);
        parts.map(|part| f64::from(part[window][channel % LANES])).sum::<f64>() as f32
    };
    let weights = (0..SIDE * SIDE).flat_map(|window| (0..channels).map(move |channel| (window, channel)));
    let weights = weights.map(|(window, channel)| sum(window, channel)).collect();
    [weights, (0..channels).map(|channel| sum(SIDE * SIDE, channel)).collect()]
}

fn convolve(shape: [usize; 4], images: &[f32], weights: &[f32], bias: &[f32], is_turned: bool) -> Vec<f32> {
    let blocks = shape[3].div_ceil(LANES);
    fill(shape.iter().product(), |output| {
        (0..shape[0] * blocks).into_par_iter().for_each(|task| {
            with_widest(Convolve {
                shape,
                images,
                weights,
                bias,
                is_turned,
                image: task / blocks,
                block: task % blocks,
                output,
            });
        });
    })
}

/// Sixteen channels of an image inside zeros, a row for each row of the image and the margins.
struct Frame {
    pixels: Vec<Pixel>,
    width: usize,
}

impl Frame {
    #[inline(always)]
    fn new(images: &[f32], [_, height, width, channels]: [usize; 4], image: usize, block: usize) -> Self {
        let framed = width.next_multiple_of(TOGETHER) + 2 * MARGIN;
        let mut pixels = vec![[0.0; LANES]; (height + 2 * MARGIN) * framed];
        let used = LANES.min(channels - block * LANES);
        for y in 0..height {
            let row = &images[(image * height + y) * width * channels..][..width * channels];
            let target = &mut pixels[(y + MARGIN) * framed + MARGIN..][..width];
            for (target, pixel) in target.iter_mut().zip(row.chunks_exact(channels)) {
                target[..used].copy_from_slice(&pixel[block * LANES..][..used]);
            }
        }
        Self { pixels, width: framed }
    }

    #[inline(always)]
    fn row(&self, y: usize) -> &[Pixel] {
        &self.pixels[y * self.width..][..self.width]
    }
}

struct Convolve<'a> {
    shape: [usize; 4],
    images: &'a [f32],
    weights: &'a [f32],
    bias: &'a [f32],
    /// Whether the windows are turned by half a turn, as for the gradient of the images.
    is_turned: bool,
    image: usize,
    block: usize,
    output: Shared,
}

impl Work for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let Self { shape, images, weights, bias, is_turned, image, block, output } = self;
        let [_, height, width, channels] = shape;
        let first = block * LANES;
        let used = LANES.min(channels - first);
        let frame = Frame::new(images, shape, image, block);
        let mut window = [[0.0; LANES]; SIDE * SIDE];
        for (place, target) in window.iter_mut().enumerate() {
            let place = if is_turned { SIDE * SIDE - 1 - place } else { place };
            target[..used].copy_from_slice(&weights[place * channels + first..][..used]);
        }
        let mut start = [0.0; LANES];
        start[..used].copy_from_slice(&bias[first..][..used]);
        for y in 0..height {
            for x in (0..width).step_by(TOGETHER) {
                let mut sums = [start; TOGETHER];
                for (dy, weights) in window.chunks_exact(SIDE).enumerate() {
                    let row = &frame.row(y + dy)[x..][..SIDE + TOGETHER - 1];
                    for (dx, weight) in weights.iter().enumerate() {
                        for (sum, pixel) in sums.iter_mut().zip(&row[dx..]) {
                            for lane in 0..LANES {
                                sum[lane] += pixel[lane] * weight[lane];
                            }
                        }
                    }
                }
                for (sum, x) in sums.iter().zip(x..width) {
                    let place = ((image * height + y) * width + x) * channels + first;
                    // SAFETY: these channels of this pixel belong to this task alone.
                    unsafe { sum.as_ptr().copy_to(output.at(place), used) };
                }
            }
        }
    }
}

struct Correlate<'a> {
    shape: [usize; 4],
    images: &'a [f32],
    gradient: &'a [f32],
    image: usize,
    block: usize,
}

impl Work for Correlate<'_> {
    /// Of each place of the window, and then of the bias.
    type Output = [Pixel; SIDE * SIDE + 1];

    #[inline(always)]
    fn run<K: Kernel>(self) -> Self::Output {
        let Self { shape, images, gradient, image, block } = self;
        let [_, height, width, _] = shape;
        let frame = Frame::new(images, shape, image, block);
        let outer = Frame::new(gradient, shape, image, block);
        let mut sums = [[0.0; LANES]; SIDE * SIDE + 1];
        for y in 0..height {
            let gradients = &outer.row(y + MARGIN)[MARGIN..][..width];
            for dy in 0..SIDE {
                let row = &frame.row(y + dy)[..width + SIDE - 1];
                // The sums of a row are added to those of the image, which keeps them exact.
                let mut part = [[0.0; LANES]; SIDE];
                for (x, gradient) in gradients.iter().enumerate() {
                    for (sum, pixel) in part.iter_mut().zip(&row[x..]) {
                        for lane in 0..LANES {
                            sum[lane] += pixel[lane] * gradient[lane];
                        }
                    }
                }
                for (sum, part) in sums[dy * SIDE..].iter_mut().zip(&part) {
                    (0..LANES).for_each(|lane| sum[lane] += part[lane]);
                }
            }
            for gradient in gradients {
                (0..LANES).for_each(|lane| sums[SIDE * SIDE][lane] += gradient[lane]);
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_gradients_are_those_of_the_definition() {
        for shape in [[2, 5, 9, 20], [1, 1, 1, 3], [1, 8, 4, 16]] {
            let [batch, height, width, channels] = shape;
            let wave = |count: usize, seed: f32| -> Vec<f32> {
                (0..count).map(|i| ((i as f32 + seed) * 12.9898).sin()).collect()
            };
            let count = batch * height * width * channels;
            let (images, outer) = (wave(count, 0.5), wave(count, 70.0));
            let (weights, bias) = (wave(49 * channels, 3.0), wave(channels, 9.0));
            let mut right = vec![0.0f64; count];
            let (mut of_images, mut of_weights) = (vec![0.0f64; count], vec![0.0f64; 49 * channels]);
            for place in 0..count {
                let (pixel, channel) = (place / channels, place % channels);
                let (image, y, x) = (pixel / (height * width), pixel / width % height, pixel % width);
                right[place] += f64::from(bias[channel]);
                for window in 0..49 {
                    let (sy, sx) = ((y + window / 7).wrapping_sub(3), (x + window % 7).wrapping_sub(3));
                    if sy < height && sx < width {
                        let source = ((image * height + sy) * width + sx) * channels + channel;
                        let weight = window * channels + channel;
                        right[place] += f64::from(images[source]) * f64::from(weights[weight]);
                        of_images[source] += f64::from(outer[place]) * f64::from(weights[weight]);
                        of_weights[weight] += f64::from(outer[place]) * f64::from(images[source]);
                    }
                }
            }
            let close = |ours: &[f32], right: &[f64]| {
                assert_eq!(ours.len(), right.len());
                for (ours, right) in ours.iter().zip(right) {
                    assert!((f64::from(*ours) - right).abs() < 1e-4, "{shape:?}: {ours} {right}");
                }
            };
            close(&forward(shape, &images, &weights, &bias), &right);
            close(&image_gradient(shape, &outer, &weights), &of_images);
            let [weight_gradient, bias_gradient] = weights_gradient(shape, &images, &outer);
            close(&weight_gradient, &of_weights);
            let sums =
                (0..channels).map(|c| outer.iter().skip(c).step_by(channels).map(|v| f64::from(*v)).sum());
            close(&bias_gradient, &sums.collect::<Vec<f64>>());
        }
    }
}
