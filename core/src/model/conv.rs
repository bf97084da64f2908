//! Convolution of channels-last images as one autodiff operation, fused with the biases, the residual and the ReLU around it. Burn's
//! own convolution costs a transposed copy for each gradient, and a pass over the activation for each bias and ReLU.

pub(crate) mod composed;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, ExtensionType, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::graph::register;
use crate::device::has_kernels;
use crate::kernel::conv::geometry::Geometry;
use crate::kernel::conv::{self as cpu, Surround};
use crate::kernel::{CpuTensor, floats, into_floats, tensor};

/// Stride and padding of a convolution, and whether a ReLU follows.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Distance between neighbouring windows.
    pub stride: usize,
    /// Rows and columns of zeros around an image, outside the input bias.
    pub padding: usize,
    /// Replace negative outputs by zero.
    pub relu: bool,
}

impl Options {
    /// Of a linear layer over the channels of each position.
    pub const POINTWISE: Self = Self { stride: 1, padding: 0, relu: false };
}

/// `act(conv(images + input_bias; weights) + output_bias + residual)`.
///
/// # Shapes
/// - images: `[batch, height, width, in]`
/// - weights: `[kernel, kernel, in, out]`, the kernel square
/// - input_bias: `[1]`
/// - output_bias: `[1]`, or `[out]`, one for each channel
/// - residual and result: `[batch, out height, out width, out]`
pub fn conv(
    images: Tensor<4>,
    weights: Tensor<4>,
    input_bias: Tensor<1>,
    output_bias: Tensor<1>,
    residual: Option<Tensor<4>>,
    options: Options,
) -> Tensor<4> {
    if !has_kernels(&images) {
        return composed::conv(images, weights, input_bias, output_bias, residual, options);
    }
    Tensor::from_dispatch(<Dispatch as ConvBackend>::fused_conv(
        images.into_dispatch(),
        weights.into_dispatch(),
        input_bias.into_dispatch(),
        output_bias.into_dispatch(),
        Residual::of(residual),
        options,
    ))
}

/// What is added to a result before its ReLU.
#[derive(ExtensionType)]
pub enum Residual<B: Backend> {
    /// Nothing.
    None,
    /// A tensor of the result's shape.
    Add(FloatTensor<B>),
}

impl Residual<Dispatch> {
    /// The residual `tensor`, or none.
    pub(super) fn of(tensor: Option<Tensor<4>>) -> Self {
        tensor.map_or(Self::None, |tensor| Self::Add(tensor.into_dispatch()))
    }
}

impl Residual<Flex> {
    /// The tensor, contiguous in memory.
    pub(super) fn contiguous(&self) -> Option<CpuTensor> {
        match self {
            Self::None => None,
            Self::Add(tensor) => Some(tensor.to_contiguous()),
        }
    }
}

/// Backends that have the convolution of [`conv`].
#[backend_extension(Flex, Autodiff)]
pub trait ConvBackend: Backend {
    /// See [`conv`].
    fn fused_conv(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        input_bias: FloatTensor<Self>,
        output_bias: FloatTensor<Self>,
        #[extension_type] residual: Residual<Self>,
        options: Options,
    ) -> FloatTensor<Self>;
}

impl ConvBackend for Flex {
    fn fused_conv(
        images: CpuTensor,
        weights: CpuTensor,
        input_bias: CpuTensor,
        output_bias: CpuTensor,
        residual: Residual<Self>,
        options: Options,
    ) -> CpuTensor {
        let residual = residual.contiguous();
        let g = geometry(&images, &weights, options);
        let output = cpu::forward(
            &g,
            floats(&images.to_contiguous()),
            floats(&weights.to_contiguous()),
            residual.as_ref().map(floats),
            surround(&input_bias, &output_bias, options),
        );
        tensor(output, g.out_shape())
    }
}

impl<C: CheckpointStrategy> ConvBackend for Autodiff<Flex, C> {
    fn fused_conv(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        input_bias: FloatTensor<Self>,
        output_bias: FloatTensor<Self>,
        residual: Residual<Self>,
        options: Options,
    ) -> FloatTensor<Self> {
        let (images, images_node) = images.into_parts();
        let (weights, weights_node) = weights.into_parts();
        let (input_bias, input_node) = input_bias.into_parts();
        let (output_bias, output_node) = output_bias.into_parts();
        let is_shared = output_bias.shape().num_elements() == 1;
        let mut saved = Saved { images, weights, bias: input_bias, is_shared, output: None, options };
        let run = |saved: &mut Saved, residual| {
            let Saved { images, weights, bias, .. } = saved.clone();
            let output = Flex::fused_conv(images, weights, bias, output_bias, residual, options);
            saved.output = options.relu.then(|| output.clone());
            output
        };
        match residual {
            Residual::None => {
                let output = run(&mut saved, Residual::None);
                register::<_, C, _>(
                    ConvGradient,
                    [images_node, weights_node, input_node, output_node],
                    saved,
                    output,
                )
            }
            Residual::Add(residual) => {
                let (residual, residual_node) = residual.into_parts();
                let output = run(&mut saved, Residual::Add(residual));
                let operands = [images_node, weights_node, input_node, output_node, residual_node];
                register::<_, C, _>(ConvGradient, operands, saved, output)
            }
        }
    }
}

/// What the backward pass needs of the forward pass.
#[derive(Debug, Clone)]
struct Saved {
    images: CpuTensor,
    weights: CpuTensor,
    bias: CpuTensor,
    /// Whether all channels have the same output bias.
    is_shared: bool,
    /// The result, where a ReLU followed.
    output: Option<CpuTensor>,
    options: Options,
}

/// Operands: images, weights, input bias, output bias and, of five, the residual.
#[derive(Debug)]
struct ConvGradient;

impl<const N: usize> Backward<Flex, N> for ConvGradient {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Saved { images, weights, bias, is_shared, output, options } = ops.state;
        let g = geometry(&images, &weights, options);
        let (images, weights) = (images.to_contiguous(), weights.to_contiguous());
        let gradient = into_floats(grads.consume::<Flex>(&ops.node));
        let needed = |operand: usize| ops.parents.get(operand).and_then(Option::as_ref).map(|node| node.id);
        let bias = floats(&bias)[0];
        let (gradient, channel_sums) = if options.relu || bias != 0.0 || needed(3).is_some() {
            cpu::before_relu(gradient, output.as_ref().map(floats), g.out_channels)
        } else {
            // Nobody asks for the sums, which would cost a pass.
            (gradient, vec![0.0; g.out_channels])
        };

        if needed(0).is_some() || needed(2).is_some() {
            let (image_gradient, sum) = cpu::image_gradient(&g, floats(&weights), &gradient);
            if let Some(id) = needed(0) {
                let shape = [g.batch, g.height, g.width, g.in_channels];
                grads.register::<Flex>(id, tensor(image_gradient, shape));
            }
            if let Some(id) = needed(2) {
                grads.register::<Flex>(id, tensor(vec![sum], [1]));
            }
        }
        if let Some(id) = needed(1) {
            let gradient = cpu::weights_gradient(&g, floats(&images), &gradient, &channel_sums, bias);
            grads.register::<Flex>(id, tensor(gradient, [g.kernel, g.kernel, g.in_channels, g.out_channels]));
        }
        if let Some(id) = needed(3) {
            let gradient: Vec<f32> = if is_shared {
                vec![channel_sums.iter().sum::<f64>() as f32]
            } else {
                channel_sums.iter().map(|sum| *sum as f32).collect()
            };
            let length = gradient.len();
            grads.register::<Flex>(id, tensor(gradient, [length]));
        }
        if let Some(id) = needed(4) {
            grads.register::<Flex>(id, tensor(gradient, g.out_shape()));
        }
    }
}

fn geometry(images: &CpuTensor, weights: &CpuTensor, options: Options) -> Geometry {
    let [batch, height, width, in_channels] = images.shape().dims();
    let [kernel, kernel_width, weights_in, out_channels] = weights.shape().dims();
    assert_eq!((kernel, in_channels), (kernel_width, weights_in), "weights fit the images");
    Geometry {
        batch,
        height,
        width,
        in_channels,
        out_channels,
        kernel,
        stride: options.stride,
        padding: options.padding,
    }
}

fn surround<'a>(input_bias: &CpuTensor, output_bias: &'a CpuTensor, options: Options) -> Surround<'a> {
    Surround { input_bias: floats(input_bias)[0], output_bias: floats(output_bias), relu: options.relu }
}
