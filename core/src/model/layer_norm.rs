//! Layer normalisation over channels as an autodiff operation (Ba et al. 2016, as PyTorch's `LayerNorm`).

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{FloatDType, Tensor};

use super::family::Builder;
use super::graph::register;
use super::layer::{Layer, Operator};
use super::pass::Pass;
use super::spec::Start;
use crate::device::has_kernels;
use crate::kernel::layer_norm::{self as cpu, Affine};
use crate::kernel::{CpuTensor, floats, into_floats, tensor};

/// Layer normalisation over channels. Numbers are indices of parameters.
#[derive(Debug)]
pub struct LayerNorm {
    weight: usize,
    bias: usize,
    epsilon: f32,
    channels: usize,
    /// Positions of an image, where it is a stage of its own.
    positions: usize,
}

impl LayerNorm {
    /// Adds its parameters; they start at one and zero.
    pub fn new(name: &str, [positions, channels]: [usize; 2], epsilon: f32, builder: &mut Builder) -> Self {
        Self {
            weight: builder.add(format!("{name}.weight"), &[channels], Start::Constant(1.0)),
            bias: builder.add(format!("{name}.bias"), &[channels], Start::Constant(0.0)),
            epsilon,
            channels,
            positions,
        }
    }

    /// Adds its operator for images of so many positions to a list.
    pub fn add_to(&self, positions: usize, list: &mut Vec<Operator>) {
        list.push(Operator::LayerNorm { positions, channels: self.channels });
    }
}

impl Layer for LayerNorm {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        layer_norm(x, pass.value(self.weight), pass.value(self.bias), self.epsilon)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        self.add_to(self.positions, list);
        side
    }
}

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias`, mean and variance over the channels of each position.
///
/// # Shapes
/// - x and result: `[batch, rows, columns, channels]`
/// - weight, bias: `[channels]`
pub fn layer_norm(x: Tensor<4>, weight: Tensor<1>, bias: Tensor<1>, epsilon: f32) -> Tensor<4> {
    if !has_kernels(&x) {
        return composed(x, weight, bias, epsilon);
    }
    Tensor::from_dispatch(<Dispatch as LayerNormBackend>::layer_norm(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        epsilon,
    ))
}

/// As [`layer_norm`], from Burn's own operations, for devices that have no kernel of ours; in single precision within.
pub(crate) fn composed(x: Tensor<4>, weight: Tensor<1>, bias: Tensor<1>, epsilon: f32) -> Tensor<4> {
    let precision = FloatDType::from(x.dtype());
    let x = x.cast(FloatDType::F32);
    let centred = x.clone() - x.mean_dim(3);
    // An overflow becomes NaN, not zeros.
    let variance = centred.clone().square().mean_dim(3);
    let variance = variance.clone() * 0.0 + variance;
    let normal = centred / (variance + epsilon).sqrt();
    (normal * weight.reshape([1, 1, 1, -1]) + bias.reshape([1, 1, 1, -1])).cast(precision)
}

/// Backends that have [`layer_norm`].
#[backend_extension(Flex, Autodiff)]
pub trait LayerNormBackend: Backend {
    /// See [`layer_norm`].
    fn layer_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;
}

impl LayerNormBackend for Flex {
    fn layer_norm(x: CpuTensor, weight: CpuTensor, bias: CpuTensor, epsilon: f32) -> CpuTensor {
        let affine = Affine { weight: floats(&weight), bias: floats(&bias), epsilon };
        tensor(cpu::forward(floats(&x.to_contiguous()), affine), x.shape().dims::<4>())
    }
}

impl<C: CheckpointStrategy> LayerNormBackend for Autodiff<Flex, C> {
    fn layer_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let output = Flex::layer_norm(x.clone(), weight.clone(), bias.clone(), epsilon);
        let operands = [x_node, weight_node, bias_node];
        register::<_, C, _>(LayerNormGradient, operands, ([x, weight, bias], epsilon), output)
    }
}

/// Operands: x, weight, bias.
#[derive(Debug)]
struct LayerNormGradient;

impl Backward<Flex, 3> for LayerNormGradient {
    type State = ([CpuTensor; 3], f32);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let ([x, weight, bias], epsilon) = ops.state;
        let shape = x.shape().dims::<4>();
        let affine = Affine { weight: floats(&weight), bias: floats(&bias), epsilon };
        let mut gradient = into_floats(grads.consume::<Flex>(&ops.node));
        let [of_weight, of_bias] = cpu::gradient(floats(&x.to_contiguous()), affine, &mut gradient);
        let [x, weight, bias] = ops.parents;
        for (operand, values) in [(weight, of_weight), (bias, of_bias)] {
            if let Some(operand) = operand {
                grads.register::<Flex>(operand.id, tensor(values, [shape[3]]));
            }
        }
        if let Some(operand) = x {
            grads.register::<Flex>(operand.id, tensor(gradient, shape));
        }
    }
}
