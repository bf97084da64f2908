//! Registration of our own operations in Burn's autodiff graph.

use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::{Backward, NodeGuard, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use crate::kernel::CpuTensor;

/// Puts `output` into the graph with the `state` that its backward pass `gradient` needs, if an operand is tracked.
pub fn register<G, C, const N: usize>(
    gradient: G,
    operands: [NodeGuard; N],
    state: G::State,
    output: CpuTensor,
) -> FloatTensor<Autodiff<Flex, C>>
where
    G: Backward<Flex, N>,
    G::State: Clone + Send + Debug + 'static,
    C: CheckpointStrategy,
{
    match gradient.prepare::<C>(operands).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(state, output),
        OpsKind::UnTracked(prep) => prep.finish(output),
    }
}
