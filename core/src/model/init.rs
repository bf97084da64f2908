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

/// As [`initial_state`], with zeros in the head (the reference's `zero_fc_init`).
pub fn initial_state_with_zero_head(arch: &Arch, seed: u64) -> StateDict {
    let mut state = initial_state(arch, seed);
    let head = state.tensors.iter_mut().filter(|tensor| arch.is_head(&tensor.name));
    head.for_each(|tensor| tensor.data.fill(0.0));
    state
}
