//! Smooth activation functions as an autodiff operation.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::activation::sigmoid;
use burn::tensor::{FloatDType, Tensor};

use super::graph::register;
use crate::device::has_kernels;
use crate::kernel::activation as cpu;
use crate::kernel::{CpuTensor, floats, into_floats, tensor};

pub use crate::kernel::activation::Activation;

/// The activation of each value.
pub fn activate(values: Tensor<4>, activation: Activation) -> Tensor<4> {
    if !has_kernels(&values) {
        return composed(values, activation);
    }
    Tensor::from_dispatch(<Dispatch as ActivationBackend>::smooth_activation(
        values.into_dispatch(),
        activation,
    ))
}

/// As [`activate`], from Burn's own operations, for devices that have no kernel of ours; in single precision within.
pub(crate) fn composed(values: Tensor<4>, activation: Activation) -> Tensor<4> {
    let precision = FloatDType::from(values.dtype());
    let x = values.cast(FloatDType::F32);
    let share = match activation {
        Activation::Gelu => ((x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5,
        Activation::GeluTanh => {
            let cubic = x.clone() + x.clone().powi_scalar(3) * 0.044_715;
            sigmoid(cubic * (8.0 / std::f64::consts::PI).sqrt())
        }
        Activation::QuickGelu => sigmoid(x.clone() * 1.702),
        Activation::Silu => sigmoid(x.clone()),
    };
    (x * share).cast(precision)
}

/// Backends that have [`activate`].
#[backend_extension(Flex, Autodiff)]
pub trait ActivationBackend: Backend {
    /// See [`activate`].
    fn smooth_activation(values: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self>;
}

impl ActivationBackend for Flex {
    fn smooth_activation(values: CpuTensor, activation: Activation) -> CpuTensor {
        let shape = values.shape().dims::<4>();
        tensor(cpu::forward(activation, floats(&values.to_contiguous())), shape)
    }
}

impl<C: CheckpointStrategy> ActivationBackend for Autodiff<Flex, C> {
    fn smooth_activation(values: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        let (values, node) = values.into_parts();
        let output = Flex::smooth_activation(values.clone(), activation);
        register::<_, C, _>(ActivationGradient, [node], (values, activation), output)
    }
}

#[derive(Debug)]
struct ActivationGradient;

impl Backward<Flex, 1> for ActivationGradient {
    type State = (CpuTensor, Activation);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [Some(operand)] = ops.parents else { return };
        let (values, activation) = ops.state;
        let shape = values.shape().dims::<4>();
        let gradient = into_floats(grads.consume::<Flex>(&ops.node));
        let gradient = cpu::gradient(activation, floats(&values.to_contiguous()), gradient);
        grads.register::<Flex>(operand.id, tensor(gradient, shape));
    }
}
