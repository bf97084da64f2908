//! The values a network starts from.

use crate::checkpoint::{NamedTensor, StateDict};
use crate::model::arch::{Arch, Spec, Start};
use crate::random::{Keyed, Purpose};

/// Draws all parameters: each from its own stream of (seed, position in the list), so that networks which differ in
/// their head only share everything else.
pub fn initial_state(arch: &Arch, seed: u64) -> StateDict {
    let draw = |(index, spec): (usize, &Spec)| {
        let mut random = Keyed::new(seed, Purpose::Init, 0, index as u64);
        let length = spec.shape.iter().product();
        let data = match spec.start {
            Start::Constant(value) => vec![value; length],
            Start::Normal(deviation) => (0..length).map(|_| (random.normal() * deviation) as f32).collect(),
            Start::Uniform(bound) => {
                (0..length).map(|_| ((random.uniform() * 2.0 - 1.0) * bound) as f32).collect()
            }
        };
        NamedTensor { name: spec.name.clone(), shape: spec.shape.clone(), data }
    };
    StateDict { tensors: arch.parameters.iter().enumerate().map(draw).collect() }
}

/// Sets the head to zero, so that training starts from equal logits (`model.kwargs.zero_fc_init`).
pub fn zero_head(arch: &Arch, state: &mut StateDict) {
    let head = state.tensors.iter_mut().filter(|tensor| arch.is_head(&tensor.name));
    head.for_each(|tensor| tensor.data.fill(0.0));
}
