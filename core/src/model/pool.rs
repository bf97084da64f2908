//! Max pooling of channels-last images as an autodiff operation: windows of 3 x 3, stride 2, one pixel of padding; and means over
//! squares of 2 x 2.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;

use super::graph::register;
use crate::device::has_kernels;
use crate::kernel::pool::{self as cpu, STRIDE, WINDOW};
use crate::kernel::{CpuTensor, floats, into_floats, tensor};

/// `[batch, height, width, channels]` to `[batch, ceil(height / 2), ceil(width / 2), channels]`.
pub fn max_pool(images: Tensor<4>) -> Tensor<4> {
    if !has_kernels(&images) {
        return composed(images);
    }
    Tensor::from_dispatch(<Dispatch as PoolBackend>::max_pool_3x3(images.into_dispatch()))
}

/// As [`max_pool`], from Burn's own operation, for devices that have no kernel of ours. A window with NaN gives NaN, as in PyTorch,
/// where Burn's operation may take the largest of the others.
pub(crate) fn composed(images: Tensor<4>) -> Tensor<4> {
    let pooled = |images: Tensor<4>| {
        let options = MaxPoolOptions::new([WINDOW; 2]).with_stride([STRIDE; 2]).with_padding([1; 2]);
        max_pool2d(images.permute([0, 3, 1, 2]), options).permute([0, 2, 3, 1])
    };
    let is_nan = pooled(images.clone().is_nan().float()).greater_elem(0.5);
    pooled(images).mask_fill(is_nan, f32::NAN)
}

/// The mean of each square of 2 x 2 pixels: `[batch, 2 rows, 2 columns, channels]` to `[batch, rows, columns, channels]`.
pub fn mean_of_squares(images: Tensor<4>) -> Tensor<4> {
    let [batch, height, width, channels] = images.dims();
    let (rows, columns) = (height / 2, width / 2);
    let rows_of_two = images.reshape([batch * rows, 2, width * channels]).mean_dim(1);
    let means = rows_of_two.reshape([batch * rows * columns, 2, channels]).mean_dim(1);
    means.reshape([batch, rows, columns, channels])
}

/// Backends that have the pooling of [`max_pool`].
#[backend_extension(Flex, Autodiff)]
pub trait PoolBackend: Backend {
    /// See [`max_pool`].
    fn max_pool_3x3(images: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl PoolBackend for Flex {
    fn max_pool_3x3(images: FloatTensor<Self>) -> FloatTensor<Self> {
        pool(&images).0
    }
}

impl<C: CheckpointStrategy> PoolBackend for Autodiff<Flex, C> {
    fn max_pool_3x3(images: FloatTensor<Self>) -> FloatTensor<Self> {
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
        let gradient = into_floats(grads.consume::<Flex>(&ops.node));
        let spread = cpu::image_gradient(&gradient, &winners, shape);
        grads.register::<Flex>(images.id, tensor(spread, shape));
    }
}

/// The maxima, and where in its window each lies.
fn pool(images: &CpuTensor) -> (CpuTensor, Vec<u8>) {
    let shape = images.shape().dims();
    let (output, winners) = cpu::forward(floats(&images.to_contiguous()), shape);
    (tensor(output, cpu::pooled(shape)), winners)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn a_window_with_nan_gives_nan_in_every_way() {
        let mut values: Vec<f32> = (0..36).map(|value| value as f32).collect();
        values[0] = f32::NAN;
        values[35] = f32::INFINITY;
        let images = Tensor::<4>::from_data(TensorData::new(values, [1, 6, 6, 1]), &Device::flex());
        for pooled in [max_pool(images.clone()), composed(images)] {
            let pooled: Vec<f32> = pooled.into_data().iter().collect();
            assert!(pooled[0].is_nan(), "{pooled:?}");
            assert_eq!(pooled[1..], [9.0, 11.0, 19.0, 21.0, 23.0, 31.0, 33.0, f32::INFINITY]);
        }
    }
}
