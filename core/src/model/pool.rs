//! The max pooling of the stem over channels-last images: windows of 3 x 3, stride 2, one pixel of padding.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use rayon::prelude::*;

use super::conv::tile::{Kernel, Work, with_widest};
use super::graph::register;
use crate::device::{floats, has_kernels, into_floats, tensor};

/// Side of a window.
const WINDOW: usize = 3;
/// Distance between neighbouring windows.
const STRIDE: usize = 2;

/// `[batch, height, width, channels]` to `[batch, ceil(height / 2), ceil(width / 2), channels]`.
pub fn max_pool(images: Tensor<4>) -> Tensor<4> {
    if !has_kernels(&images) {
        return composed(images);
    }
    Tensor::from_dispatch(<Dispatch as PoolBackend>::stem_pool(images.into_dispatch()))
}

/// As [`max_pool`], from Burn's own operation, for devices that have no kernel of ours.
pub(crate) fn composed(images: Tensor<4>) -> Tensor<4> {
    let options = MaxPoolOptions::new([WINDOW; 2]).with_stride([STRIDE; 2]).with_padding([1; 2]);
    max_pool2d(images.permute([0, 3, 1, 2]), options).permute([0, 2, 3, 1])
}

/// Backends that have the pooling of [`max_pool`].
#[backend_extension(Flex, Autodiff)]
pub trait PoolBackend: Backend {
    /// See [`max_pool`].
    fn stem_pool(images: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl PoolBackend for Flex {
    fn stem_pool(images: FloatTensor<Self>) -> FloatTensor<Self> {
        pool(&images).0
    }
}

impl<C: CheckpointStrategy> PoolBackend for Autodiff<Flex, C> {
    fn stem_pool(images: FloatTensor<Self>) -> FloatTensor<Self> {
        let (images, node) = images.into_parts();
        let (output, winners) = pool(&images);
        register::<_, C, _>(PoolGradient, [node], (images.shape().dims(), winners), output)
    }
}

#[derive(Debug)]
struct PoolGradient;

impl Backward<Flex, 1> for PoolGradient {
    /// Shape of the images, and for each output the position of its maximum in the window.
    type State = ([usize; 4], Vec<u8>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [Some(images)] = ops.parents else { return };
        let (shape, winners) = ops.state;
        let [_, height, width, channels] = shape;
        let gradient = into_floats(grads.consume::<Flex>(&ops.node));
        let (rows, columns) = (height.div_ceil(STRIDE), width.div_ceil(STRIDE));
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
        grads.register::<Flex>(images.id, tensor(spread, shape));
    }
}

/// The maxima, and where in its window each lies: row-major, the first of equals.
fn pool(images: &FloatTensor<Flex>) -> (FloatTensor<Flex>, Vec<u8>) {
    let [batch, height, width, channels] = images.shape().dims();
    let images = images.to_contiguous();
    let images = floats(&images);
    let (rows, columns) = (height.div_ceil(STRIDE), width.div_ceil(STRIDE));
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
    (tensor(output, [batch, rows, columns, channels]), winners)
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
