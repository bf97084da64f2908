//! The straight line between two networks (paper section 8).

use crate::checkpoint::{NamedTensor, StateDict};

/// `(1 - coefficient) * one + coefficient * two` for every tensor; both must have the same tensors.
pub fn blend(one: &StateDict, two: &StateDict, coefficient: f64) -> StateDict {
    let [a, b] = [(1.0 - coefficient) as f32, coefficient as f32];
    let tensors = one.tensors.iter().zip(&two.tensors).map(|(one, two)| NamedTensor {
        name: one.name.clone(),
        shape: one.shape.clone(),
        data: one.data.iter().zip(&two.data).map(|(x, y)| a * x + b * y).collect(),
    });
    StateDict { tensors: tensors.collect() }
}
