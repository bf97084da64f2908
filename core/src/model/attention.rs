//! Self-attention with several heads as an autodiff operation (Vaswani et al. 2017).

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::activation::softmax;
use burn::tensor::{FloatDType, Tensor, TensorData};

use super::graph::register;
use crate::device::has_kernels;
use crate::kernel::attention::{self as cpu, Shape};
use crate::kernel::{CpuTensor, floats, into_floats, tensor};

pub use crate::kernel::attention::Angles;

/// `softmax(q k^T / sqrt(width)) v` in each head.
///
/// # Shapes
/// - qkv: queries, keys and values, `[batch, 1, tokens, 3 * heads * width]`
/// - result: `[batch, 1, tokens, heads * width]`
pub fn attention(qkv: Tensor<4>, heads: usize, angles: Option<Arc<Angles>>) -> Tensor<4> {
    if !has_kernels(&qkv) {
        return composed(qkv, heads, angles.as_deref());
    }
    Tensor::from_dispatch(<Dispatch as AttentionBackend>::self_attention(qkv.into_dispatch(), heads, angles))
}

/// As [`attention`], from Burn's own operations, for devices that have no kernel of ours.
pub(crate) fn composed(qkv: Tensor<4>, heads: usize, angles: Option<&Angles>) -> Tensor<4> {
    let [batch, _, tokens, channels] = qkv.dims();
    let width = channels / 3 / heads;
    let precision = FloatDType::from(qkv.dtype());
    let parts = qkv.reshape([batch, tokens, 3, heads, width]).permute([2, 0, 3, 1, 4]);
    let [queries, keys, values] = [0, 1, 2].map(|part| {
        let part = parts.clone().narrow(0, part, 1);
        part.reshape([batch, heads, tokens, width])
    });
    let [queries, keys] = [queries, keys].map(|x| match angles {
        Some(angles) => turned(x, angles),
        None => x,
    });
    let scores = queries.matmul(keys.transpose()) * (width as f64).powf(-0.5);
    let shares = softmax(scores.cast(FloatDType::F32), 3).cast(precision);
    shares.matmul(values).permute([0, 2, 1, 3]).reshape([batch, 1, tokens, heads * width])
}

/// Queries or keys `[batch, heads, tokens, width]`, turned.
fn turned(x: Tensor<4>, angles: &Angles) -> Tensor<4> {
    let [.., tokens, width] = x.dims();
    let (half, precision) = (width / 2, FloatDType::from(x.dtype()));
    let table = |values: &[f32]| {
        let data = TensorData::new(values.to_vec(), [1, 1, tokens, half]);
        Tensor::<4>::from_data(data, &x.device()).cast(precision)
    };
    let (cosines, sines) = (table(&angles.cosines), table(&angles.sines));
    let (one, two) = (x.clone().narrow(3, 0, half), x.clone().narrow(3, half, half));
    let first = one.clone() * cosines.clone() - two.clone() * sines.clone();
    Tensor::cat(vec![first, two * cosines + one * sines], 3)
}

/// Backends that have [`attention`].
#[backend_extension(Flex, Autodiff)]
pub trait AttentionBackend: Backend {
    /// See [`attention`].
    fn self_attention(qkv: FloatTensor<Self>, heads: usize, angles: Option<Arc<Angles>>)
    -> FloatTensor<Self>;
}

impl AttentionBackend for Flex {
    fn self_attention(qkv: CpuTensor, heads: usize, angles: Option<Arc<Angles>>) -> CpuTensor {
        let shape = shape(&qkv, heads);
        let output = cpu::forward(shape, floats(&qkv.to_contiguous()), angles.as_deref());
        tensor(output, [shape.batch, 1, shape.tokens, shape.channels()])
    }
}

impl<C: CheckpointStrategy> AttentionBackend for Autodiff<Flex, C> {
    fn self_attention(
        qkv: FloatTensor<Self>,
        heads: usize,
        angles: Option<Arc<Angles>>,
    ) -> FloatTensor<Self> {
        let (qkv, node) = qkv.into_parts();
        let output = Flex::self_attention(qkv.clone(), heads, angles.clone());
        register::<_, C, _>(AttentionGradient, [node], (qkv, heads, angles), output)
    }
}

#[derive(Debug)]
struct AttentionGradient;

impl Backward<Flex, 1> for AttentionGradient {
    type State = (CpuTensor, usize, Option<Arc<Angles>>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [Some(operand)] = ops.parents else { return };
        let (qkv, heads, angles) = ops.state;
        let gradient = into_floats(grads.consume::<Flex>(&ops.node));
        let shape = shape(&qkv, heads);
        let values = qkv.to_contiguous();
        let gradient = cpu::gradient(shape, floats(&values), angles.as_deref(), &gradient);
        grads.register::<Flex>(operand.id, tensor(gradient, qkv.shape().dims::<4>()));
    }
}

fn shape(qkv: &CpuTensor, heads: usize) -> Shape {
    let [batch, _, tokens, channels] = qkv.shape().dims();
    Shape { batch, tokens, heads, width: channels / 3 / heads }
}
