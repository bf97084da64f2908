//! The values a network starts from.

use crate::checkpoint::{NamedTensor, StateDict};
use crate::model::arch::{Arch, Start};
use crate::random::{Keyed, Purpose};

/// Draws all parameters: each from its own stream of (seed, position in the list), so that networks which differ in
/// their head only share everything else.
pub fn initial_state(arch: &Arch, zero_fc: bool, seed: u64) -> StateDict {
    let draw = |(index, spec): (usize, &crate::model::arch::Spec)| {
        let mut random = Keyed::new(seed, Purpose::Init, 0, index as u64);
        let length = spec.shape.iter().product();
        let data = match spec.start {
            _ if zero_fc && Arch::is_head(&spec.name) => vec![0.0; length],
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

#[cfg(test)]
mod tests {
    use super::*;

    fn norm(values: &[f32]) -> f64 {
        values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
    }

    /// PAPER section 7: for 345 classes the expected global norm is 110.89 and the sum of tensor norms 594.99;
    /// two independent draws are 156.8 and 841.4 apart. The sum leaves out the sixteen scales, each of norm 1.
    #[test]
    fn norms_at_initialisation_are_those_of_the_formulas() -> crate::error::Result<()> {
        let arch = Arch::new("fixup_resnet50", 345)?;
        let [one, two] = [1, 2].map(|seed| initial_state(&arch, false, seed));
        let norms: Vec<f64> = one.tensors.iter().map(|tensor| norm(&tensor.data)).collect();
        let apart: Vec<f64> = one
            .tensors
            .iter()
            .zip(&two.tensors)
            .map(|(a, b)| norm(&a.data.iter().zip(&b.data).map(|(a, b)| a - b).collect::<Vec<_>>()))
            .collect();
        let global = |norms: &[f64]| norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
        let check = |value: f64, expected: f64| {
            assert!((value / expected - 1.0).abs() < 2e-3, "{value} is not about {expected}");
        };
        check(global(&norms), 110.89);
        check(norms.iter().sum::<f64>() - 16.0, 594.99);
        check(global(&apart), 156.8);
        check(apart.iter().sum(), 841.4);
        let parameters: usize = one.tensors.iter().map(|tensor| tensor.data.len()).sum();
        assert_eq!(parameters, 24_161_931);
        Ok(())
    }
}
