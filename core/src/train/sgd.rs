//! Stochastic gradient descent as PyTorch does it, one pass over each parameter.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, ExtensionType, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::config;
use crate::device::is_cpu;
use crate::kernel::{floats, into_floats, tensor};

/// The numbers of one update.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Learning rate of the parameter's group.
    pub lr: f64,
    /// Factor of the parameter that is added to its gradient.
    pub weight_decay: f64,
    /// How the gradient enters the velocity, and the velocity the parameter.
    pub kwargs: config::Sgd,
}

/// `d = gradient + weight_decay * parameter; velocity = momentum * velocity + (1 - dampening) * d;
/// parameter -= lr * velocity`, or with Nesterov `lr * (d + momentum * velocity)`. All tensors `[size]`.
///
/// A velocity of zero and no dampening give PyTorch's first step.
pub fn step(parameter: Tensor<1>, gradient: Tensor<1>, velocity: Tensor<1>, rule: Rule) -> [Tensor<1>; 2] {
    if !is_cpu(&parameter.device()) {
        return composed(parameter, gradient, velocity, rule);
    }
    let updated = <Dispatch as SgdBackend>::sgd_step(
        parameter.into_dispatch(),
        gradient.into_dispatch(),
        velocity.into_dispatch(),
        rule,
    );
    [updated.parameter, updated.velocity].map(Tensor::from_dispatch)
}

/// As [`step`], from Burn's own operations, for devices that have no kernel of ours.
fn composed(parameter: Tensor<1>, gradient: Tensor<1>, velocity: Tensor<1>, rule: Rule) -> [Tensor<1>; 2] {
    let config::Sgd { momentum, dampening, nesterov } = rule.kwargs;
    let gradient = gradient + parameter.clone() * rule.weight_decay;
    let velocity = velocity * momentum + gradient.clone() * (1.0 - dampening);
    let direction = if nesterov { gradient + velocity.clone() * momentum } else { velocity.clone() };
    [parameter - direction * rule.lr, velocity]
}

/// A parameter and its velocity after a step.
#[derive(ExtensionType)]
pub struct Updated<B: Backend> {
    parameter: FloatTensor<B>,
    velocity: FloatTensor<B>,
}

/// Backends that have the update of [`step`].
#[backend_extension(Flex)]
pub trait SgdBackend: Backend {
    /// See [`step`].
    fn sgd_step(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        rule: Rule,
    ) -> Updated<Self>;
}

impl SgdBackend for Flex {
    fn sgd_step(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        rule: Rule,
    ) -> Updated<Self> {
        const CHUNK: usize = 1 << 14;
        let size = [parameter.shape().num_elements()];
        let gradient = gradient.to_contiguous();
        let (mut parameter, mut velocity) = (into_floats(parameter), into_floats(velocity));
        let config::Sgd { momentum, dampening, nesterov } = rule.kwargs;
        let (lr, decay) = (rule.lr as f32, rule.weight_decay as f32);
        let (momentum, new) = (momentum as f32, (1.0 - dampening) as f32);
        parameter
            .par_chunks_mut(CHUNK)
            .zip(velocity.par_chunks_mut(CHUNK))
            .zip(floats(&gradient).par_chunks(CHUNK))
            .for_each(|((parameter, velocity), gradient)| {
                for ((parameter, velocity), gradient) in parameter.iter_mut().zip(velocity).zip(gradient) {
                    let gradient = gradient + decay * *parameter;
                    *velocity = momentum * *velocity + new * gradient;
                    *parameter -= lr * if nesterov { gradient + momentum * *velocity } else { *velocity };
                }
            });
        Updated { parameter: tensor(parameter, size), velocity: tensor(velocity, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_composition_is_the_kernel() {
        let tensor = |factor: f32| {
            let floats: Vec<f32> = (0..40).map(|i| (i as f32 * factor).sin()).collect();
            Tensor::<1>::from_floats(floats.as_slice(), &Device::flex())
        };
        for (momentum, dampening, nesterov) in [(0.0, 0.0, false), (0.9, 0.3, false), (0.8, 0.0, true)] {
            let kwargs = config::Sgd { momentum, dampening, nesterov };
            let rule = Rule { lr: 0.1, weight_decay: 0.05, kwargs };
            let run = |step: fn(Tensor<1>, Tensor<1>, Tensor<1>, Rule) -> [Tensor<1>; 2]| {
                step(tensor(1.0), tensor(2.0), tensor(3.0), rule)
            };
            for (kernel, composition) in run(step).into_iter().zip(run(composed)) {
                assert!((kernel - composition).abs().max().into_scalar::<f32>() < 1e-6, "{rule:?}");
            }
        }
    }
}
