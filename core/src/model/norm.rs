//! Batch normalisation of channels-last images as one autodiff operation, fused with the residual and the ReLU after it (Ioffe and
//! Szegedy 2015, as PyTorch's `BatchNorm2d`).

pub(crate) mod composed;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{FloatDType, Tensor};

use super::conv::Residual;
use super::graph::register;
use super::relu::finished;
use crate::device::has_kernels;
use crate::kernel::norm::{self as cpu, Affine, Moments};
use crate::kernel::{CpuTensor, floats, into_floats, tensor};

/// Added to variances, as PyTorch does by default.
const EPSILON: f64 = 1e-5;
/// Share of a batch in the running moments in training, PyTorch's default.
pub const MOMENTUM: f64 = 0.1;

/// Mean and variance of each channel over batch and positions, `[2, channels]`; the variance divides by the count.
///
/// Images: `[batch, height, width, channels]`, not tracked by autodiff.
pub fn moments(images: Tensor<4>) -> Tensor<2> {
    if !has_kernels(&images) {
        return composed::moments(images);
    }
    Tensor::from_dispatch(<Dispatch as MomentBackend>::channel_moments(images.into_dispatch()))
}

/// The running mean and variance after a batch of `count` values for each channel has been seen, with a share of `momentum`.
///
/// PyTorch's running variance divides by one less than the count. A single value, which PyTorch refuses, has variance 0.
pub fn running(old: [Tensor<1>; 2], moments: &Tensor<2>, count: usize, momentum: f64) -> [Tensor<1>; 2] {
    let unbiased = count as f64 / (count.max(2) - 1) as f64;
    let [mean, variance] = old;
    let channels = mean.dims();
    let follow = |old: Tensor<1>, row: usize, factor: f64| {
        let new = moments.clone().narrow(0, row, 1).reshape(channels);
        old * (1.0 - momentum) + new * (momentum * factor)
    };
    [follow(mean, 0, 1.0), follow(variance, 1, unbiased)]
}

/// Normalisation by fixed moments as `x * factor + shift`; all `[channels]`.
pub fn fold(
    weight: Tensor<1>,
    bias: Tensor<1>,
    mean: Tensor<1>,
    variance: Tensor<1>,
) -> (Tensor<1>, Tensor<1>) {
    let factor = weight / (variance + EPSILON).sqrt();
    let shift = bias - mean * factor.clone();
    (factor, shift)
}

/// `act(images * factor + shift + residual)` for each channel.
///
/// # Shapes
/// - images, residual and result: `[batch, height, width, channels]`
/// - factor, shift: `[channels]`
pub fn scale_and_shift(
    images: Tensor<4>,
    factor: Tensor<1>,
    shift: Tensor<1>,
    residual: Option<Tensor<4>>,
    is_relu: bool,
) -> Tensor<4> {
    let precision = FloatDType::from(images.dtype());
    let [factor, shift] = [factor, shift].map(|values| values.reshape([1, 1, 1, -1]).cast(precision));
    finished(images * factor + shift, residual, is_relu)
}

/// `act((images - mean) / sqrt(variance + 1e-5) * weight + bias + residual)`, where gradients take into account that the
/// moments are those of the images.
///
/// # Shapes
/// - images, residual and result: `[batch, height, width, channels]`
/// - weight, bias: `[channels]`
/// - moments: `[2, channels]`, from [`moments`]
pub fn normalize(
    images: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    moments: Tensor<2>,
    residual: Option<Tensor<4>>,
    relu: bool,
) -> Tensor<4> {
    if !has_kernels(&images) {
        return composed::normalize(images, weight, bias, residual, relu);
    }
    Tensor::from_dispatch(<Dispatch as NormBackend>::fused_norm(
        images.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        moments.into_dispatch(),
        Residual::of(residual),
        relu,
    ))
}

/// Backends that have [`moments`].
#[backend_extension(Flex)]
pub trait MomentBackend: Backend {
    /// See [`moments`].
    fn channel_moments(images: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl MomentBackend for Flex {
    fn channel_moments(images: CpuTensor) -> CpuTensor {
        let [.., channels] = images.shape().dims::<4>();
        let Moments { mut mean, variance } = cpu::moments(floats(&images.to_contiguous()), channels);
        mean.extend(variance);
        tensor(mean, [2, channels])
    }
}

/// Backends that have [`normalize`].
#[backend_extension(Flex, Autodiff)]
pub trait NormBackend: Backend {
    /// See [`normalize`].
    fn fused_norm(
        images: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        #[extension_type] residual: Residual<Self>,
        relu: bool,
    ) -> FloatTensor<Self>;
}

impl NormBackend for Flex {
    fn fused_norm(
        images: CpuTensor,
        weight: CpuTensor,
        bias: CpuTensor,
        moments: CpuTensor,
        residual: Residual<Self>,
        relu: bool,
    ) -> CpuTensor {
        let shape = images.shape().dims::<4>();
        let affine = Affine::new(&split(&moments), floats(&weight), floats(&bias), EPSILON);
        let residual = residual.contiguous();
        let output =
            cpu::apply(floats(&images.to_contiguous()), &affine, residual.as_ref().map(floats), relu);
        tensor(output, shape)
    }
}

impl<C: CheckpointStrategy> NormBackend for Autodiff<Flex, C> {
    fn fused_norm(
        images: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        residual: Residual<Self>,
        relu: bool,
    ) -> FloatTensor<Self> {
        let (images, images_node) = images.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let (moments, _) = moments.into_parts();
        let run = |residual| {
            let [images, weight, moments] = [&images, &weight, &moments].map(Clone::clone);
            let output =
                Flex::fused_norm(images.clone(), weight.clone(), bias, moments.clone(), residual, relu);
            let saved = Saved { images, weight, moments, output: relu.then(|| output.clone()) };
            (saved, output)
        };
        match residual {
            Residual::None => {
                let (saved, output) = run(Residual::None);
                register::<_, C, _>(NormGradient, [images_node, weight_node, bias_node], saved, output)
            }
            Residual::Add(residual) => {
                let (residual, residual_node) = residual.into_parts();
                let (saved, output) = run(Residual::Add(residual));
                register::<_, C, _>(
                    NormGradient,
                    [images_node, weight_node, bias_node, residual_node],
                    saved,
                    output,
                )
            }
        }
    }
}

/// What the backward pass needs of the forward pass.
#[derive(Debug, Clone)]
struct Saved {
    images: CpuTensor,
    weight: CpuTensor,
    moments: CpuTensor,
    /// The result, where a ReLU followed.
    output: Option<CpuTensor>,
}

/// Operands: images, weight, bias and, of four, the residual.
#[derive(Debug)]
struct NormGradient;

impl<const N: usize> Backward<Flex, N> for NormGradient {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Saved { images, weight, moments, output } = ops.state;
        let shape = images.shape().dims::<4>();
        let (images, moments) = (images.to_contiguous(), split(&moments));
        let gradient = into_floats(grads.consume::<Flex>(&ops.node));
        let (gradient, sums) =
            cpu::before_relu(gradient, floats(&images), &moments.mean, output.as_ref().map(floats));

        let needed = |operand: usize| ops.parents.get(operand).and_then(Option::as_ref).map(|node| node.id);
        let channels = [shape[3]];
        if let Some(id) = needed(1) {
            grads.register::<Flex>(id, tensor(sums.of_weight(&moments, EPSILON), channels));
        }
        if let Some(id) = needed(2) {
            grads.register::<Flex>(id, tensor(sums.of_bias(), channels));
        }
        let residual = needed(3).map(|id| (id, gradient.clone()));
        if let Some(id) = needed(0) {
            let slopes = sums.slopes(&moments, floats(&weight), EPSILON, shape[..3].iter().product());
            let gradient = cpu::image_gradient(gradient, floats(&images), &slopes);
            grads.register::<Flex>(id, tensor(gradient, shape));
        }
        if let Some((id, gradient)) = residual {
            grads.register::<Flex>(id, tensor(gradient, shape));
        }
    }
}

fn split(moments: &CpuTensor) -> Moments {
    let moments = moments.to_contiguous();
    let (mean, variance) = floats(&moments).split_at(moments.shape().num_elements() / 2);
    Moments { mean: mean.to_vec(), variance: variance.to_vec() }
}
