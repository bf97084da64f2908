//! ConvNeXt's depthwise convolution of 7 x 7 as an autodiff operation.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{FloatDType, Tensor};

use super::graph::register;
use crate::device::has_kernels;
use crate::kernel::depthwise as cpu;
use crate::kernel::{CpuTensor, floats, into_floats, tensor};

pub use crate::kernel::depthwise::SIDE;

/// Each channel convolved by its own window, with three pixels of zeros around the image.
///
/// # Shapes
/// - images and result: `[batch, height, width, channels]`
/// - weights: `[7, 7, 1, channels]`
/// - bias: `[channels]`
pub fn depthwise(images: Tensor<4>, weights: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    if !has_kernels(&images) {
        return composed(images, weights, bias);
    }
    Tensor::from_dispatch(<Dispatch as DepthwiseBackend>::depthwise_7x7(
        images.into_dispatch(),
        weights.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// As [`depthwise`], from Burn's own operation, for devices that have no kernel of ours.
pub(crate) fn composed(images: Tensor<4>, weights: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
    let precision = FloatDType::from(images.dtype());
    let channels = images.dims()[3];
    let options = ConvOptions::new([1; 2], [SIDE / 2; 2], [1; 2], channels);
    let weights = weights.cast(precision).permute([3, 2, 0, 1]);
    let sums = conv2d(images.permute([0, 3, 1, 2]), weights, Some(bias.cast(precision)), options);
    sums.permute([0, 2, 3, 1])
}

/// Backends that have [`depthwise`].
#[backend_extension(Flex, Autodiff)]
pub trait DepthwiseBackend: Backend {
    /// See [`depthwise`].
    fn depthwise_7x7(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl DepthwiseBackend for Flex {
    fn depthwise_7x7(images: CpuTensor, weights: CpuTensor, bias: CpuTensor) -> CpuTensor {
        let shape = images.shape().dims();
        let (images, weights) = (images.to_contiguous(), weights.to_contiguous());
        tensor(cpu::forward(shape, floats(&images), floats(&weights), floats(&bias)), shape)
    }
}

impl<C: CheckpointStrategy> DepthwiseBackend for Autodiff<Flex, C> {
    fn depthwise_7x7(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let (images, images_node) = images.into_parts();
        let (weights, weights_node) = weights.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let output = Flex::depthwise_7x7(images.clone(), weights.clone(), bias);
        let operands = [images_node, weights_node, bias_node];
        register::<_, C, _>(DepthwiseGradient, operands, [images, weights], output)
    }
}

/// Operands: images, weights, bias.
#[derive(Debug)]
struct DepthwiseGradient;

impl Backward<Flex, 3> for DepthwiseGradient {
    type State = [CpuTensor; 2];

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [images, weights] = ops.state.map(|operand| operand.to_contiguous());
        let shape: [usize; 4] = images.shape().dims();
        let gradient = into_floats(grads.consume::<Flex>(&ops.node));
        let [images_node, weights_node, bias_node] = ops.parents;
        if weights_node.is_some() || bias_node.is_some() {
            let [of_weights, of_bias] = cpu::weights_gradient(shape, floats(&images), &gradient);
            if let Some(node) = weights_node {
                grads.register::<Flex>(node.id, tensor(of_weights, [SIDE, SIDE, 1, shape[3]]));
            }
            if let Some(node) = bias_node {
                grads.register::<Flex>(node.id, tensor(of_bias, [shape[3]]));
            }
        }
        if let Some(node) = images_node {
            let of_images = cpu::image_gradient(shape, &gradient, floats(&weights));
            grads.register::<Flex>(node.id, tensor(of_images, shape));
        }
    }
}
