//! Max pooling of channels-last images, with windows of 3 x 3, stride 2 and one pixel of padding, and its gradient.

use rayon::prelude::*;

use super::tile::{Kernel, Work, with_widest};

/// Side of a window.
pub const WINDOW: usize = 3;
/// Distance between neighbouring windows.
pub const STRIDE: usize = 2;

/// The maxima `[batch, ceil(height / 2), ceil(width / 2), channels]` of images of `shape`, `[batch, height, width, channels]`,
/// and where in its window each lies: row-major, the first of equals.
pub fn forward(images: &[f32], shape: [usize; 4]) -> (Vec<f32>, Vec<u8>) {
    let [batch, rows, columns, channels] = pooled(shape);
    let [_, height, width, _] = shape;
    let mut output = vec![f32::NEG_INFINITY; batch * rows * columns * channels];
    let mut winners = vec![0; output.len()];
    let row_floats = columns * channels;
    output
        .par_chunks_exact_mut(row_floats)
        .zip(winners.par_chunks_exact_mut(row_floats))
        .enumerate()
        .for_each(|(row, (output, winners))| {
            let image = &images[row / rows * height * width * channels..][..height * width * channels];
            with_widest(Row { image, shape: [height, width, channels], row: row % rows, output, winners });
        });
    (output, winners)
}

/// The gradient of the images, of `shape`, from that of the maxima, which lie where `winners` of [`forward`] says.
pub fn image_gradient(gradient: &[f32], winners: &[u8], shape: [usize; 4]) -> Vec<f32> {
    let [_, rows, columns, channels] = pooled(shape);
    let [_, height, width, _] = shape;
    let mut spread = vec![0.0; shape.iter().product()];
    spread.par_chunks_exact_mut(height * width * channels).enumerate().for_each(|(image, spread)| {
        for pixel in 0..rows * columns {
            let first = (image * rows * columns + pixel) * channels;
            let (y, x) = (pixel / columns, pixel % columns);
            for (channel, winner) in winners[first..first + channels].iter().enumerate() {
                let row = y * STRIDE + usize::from(*winner) / WINDOW - 1;
                let column = x * STRIDE + usize::from(*winner) % WINDOW - 1;
                spread[(row * width + column) * channels + channel] += gradient[first + channel];
            }
        }
    });
    spread
}

/// The shape of the maxima of images of `shape`.
pub fn pooled([batch, height, width, channels]: [usize; 4]) -> [usize; 4] {
    [batch, height.div_ceil(STRIDE), width.div_ceil(STRIDE), channels]
}

/// One row of the result for one image.
struct Row<'a> {
    image: &'a [f32],
    /// Height, width and channels of the image.
    shape: [usize; 3],
    row: usize,
    output: &'a mut [f32],
    winners: &'a mut [u8],
}

impl Work for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let [height, width, channels] = self.shape;
        // As wide as the values, so that one mask serves both.
        let mut positions = vec![0; channels];
        let pixels = self.output.chunks_exact_mut(channels).zip(self.winners.chunks_exact_mut(channels));
        for (x, (output, winners)) in pixels.enumerate() {
            positions.fill(0);
            for position in 0..WINDOW * WINDOW {
                let row = (self.row * STRIDE + position / WINDOW).wrapping_sub(1);
                let column = (x * STRIDE + position % WINDOW).wrapping_sub(1);
                if row >= height || column >= width {
                    continue;
                }
                let pixel = &self.image[(row * width + column) * channels..][..channels];
                for ((best, winner), value) in output.iter_mut().zip(&mut positions).zip(pixel) {
                    let wins = (*value > *best) | value.is_nan();
                    *best = if wins { *value } else { *best };
                    *winner = if wins { position as u32 } else { *winner };
                }
            }
            winners.iter_mut().zip(&positions).for_each(|(winner, position)| *winner = *position as u8);
        }
    }
}
