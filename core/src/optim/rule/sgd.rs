//! Stochastic gradient descent as PyTorch does it, one pass over each parameter.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, ExtensionType, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Rule, Update};
use crate::device::is_cpu;
use crate::error::Result;
use crate::kernel::{floats, into_floats, tensor};
use crate::setting::Section;

/// Stochastic gradient descent; weight decay is added to the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sgd {
    /// Fraction of the velocity that stays.
    pub momentum: f64,
    /// Fraction of the gradient that does not enter the velocity, from the second step on; nothing without momentum.
    pub dampening: f64,
    /// Step along the velocity that the next step would have (Nesterov).
    pub nesterov: bool,
}

impl Rule for Sgd {
    fn moments(&self) -> &'static [&'static str] {
        &["momentum"]
    }

    fn step(
        &self,
        update: Update,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: Vec<Tensor<1>>,
    ) -> (Tensor<1>, Vec<Tensor<1>>) {
        // PyTorch starts the velocity at the first gradient, and has none without momentum.
        let is_whole = update.step == 1 || self.momentum == 0.0;
        let sgd = Self { dampening: if is_whole { 0.0 } else { self.dampening }, ..*self };
        let [velocity] = <[Tensor<1>; 1]>::try_from(moments).expect("one moment");
        let [parameter, velocity] = step(parameter, gradient, velocity, sgd, update);
        (parameter, vec![velocity])
    }

    fn check(&self, section: Section) -> Result<()> {
        section.below_one("momentum", self.momentum)?;
        section.below_one("dampening", self.dampening)?;
        section.require(
            !self.nesterov || (self.momentum > 0.0 && self.dampening == 0.0),
            "nesterov",
            self.nesterov,
            "false unless momentum is above 0 and dampening 0",
        )
    }
}

/// `d = gradient + weight_decay * parameter; velocity = momentum * velocity + (1 - dampening) * d;
/// parameter -= lr * velocity`, or with Nesterov `lr * (d + momentum * velocity)`. All tensors `[size]`.
///
/// A velocity of zero and no dampening give PyTorch's first step.
fn step(
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    velocity: Tensor<1>,
    sgd: Sgd,
    update: Update,
) -> [Tensor<1>; 2] {
    if !is_cpu(&parameter.device()) {
        return composed(parameter, gradient, velocity, sgd, update);
    }
    let updated = <Dispatch as SgdBackend>::sgd_step(
        parameter.into_dispatch(),
        gradient.into_dispatch(),
        velocity.into_dispatch(),
        sgd,
        update,
    );
    [updated.parameter, updated.velocity].map(Tensor::from_dispatch)
}

/// As [`step`], from Burn's own operations, for devices that have no kernel of ours.
fn composed(
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    velocity: Tensor<1>,
    sgd: Sgd,
    update: Update,
) -> [Tensor<1>; 2] {
    let Sgd { momentum, dampening, nesterov } = sgd;
    let gradient = gradient + parameter.clone() * update.weight_decay;
    let velocity = velocity * momentum + gradient.clone() * (1.0 - dampening);
    let direction = if nesterov { gradient + velocity.clone() * momentum } else { velocity.clone() };
    [parameter - direction * update.lr, velocity]
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
        sgd: Sgd,
        update: Update,
    ) -> Updated<Self>;
}

impl SgdBackend for Flex {
    fn sgd_step(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        sgd: Sgd,
        update: Update,
    ) -> Updated<Self> {
        const CHUNK: usize = 1 << 14;
        let size = [parameter.shape().num_elements()];
        let gradient = gradient.to_contiguous();
        let (mut parameter, mut velocity) = (into_floats(parameter), into_floats(velocity));
        let Sgd { momentum, dampening, nesterov } = sgd;
        let (lr, decay) = (update.lr as f32, update.weight_decay as f32);
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
        let update = Update { lr: 0.1, weight_decay: 0.05, step: 2 };
        for (momentum, dampening, nesterov) in [(0.0, 0.0, false), (0.9, 0.3, false), (0.8, 0.0, true)] {
            let sgd = Sgd { momentum, dampening, nesterov };
            let run = |step: fn(Tensor<1>, Tensor<1>, Tensor<1>, Sgd, Update) -> [Tensor<1>; 2]| {
                step(tensor(1.0), tensor(2.0), tensor(3.0), sgd, update)
            };
            for (kernel, composition) in run(step).into_iter().zip(run(composed)) {
                assert!((kernel - composition).abs().max().into_scalar::<f32>() < 1e-6, "{sgd:?}");
            }
        }
    }
}
