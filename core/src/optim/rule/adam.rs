//! Adam and AdamW as PyTorch does them, one pass over each parameter.

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

/// Adam (Kingma and Ba 2015); weight decay is added to the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// Decay rates of the exponential moving averages of the gradient and of its square.
    pub betas: [f64; 2],
    /// Added to the root of the mean square.
    pub eps: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { betas: [0.9, 0.999], eps: 1e-8 }
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), and Adam's arguments.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AdamW(pub Adam);

impl Rule for Adam {
    fn moments(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    fn step(
        &self,
        update: Update,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: Vec<Tensor<1>>,
    ) -> (Tensor<1>, Vec<Tensor<1>>) {
        Numbers { adam: *self, is_decoupled: false, update }.apply(parameter, gradient, moments)
    }

    fn check(&self, section: Section) -> Result<()> {
        self.betas.iter().try_for_each(|beta| section.below_one("betas", *beta))?;
        section.not_negative("eps", self.eps)
    }
}

impl Rule for AdamW {
    fn moments(&self) -> &'static [&'static str] {
        self.0.moments()
    }

    fn step(
        &self,
        update: Update,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: Vec<Tensor<1>>,
    ) -> (Tensor<1>, Vec<Tensor<1>>) {
        Numbers { adam: self.0, is_decoupled: true, update }.apply(parameter, gradient, moments)
    }

    fn check(&self, section: Section) -> Result<()> {
        self.0.check(section)
    }
}

/// The numbers of one update.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    adam: Adam,
    /// Whether the parameter shrinks by `lr * weight_decay` (AdamW) instead of its gradient growing by `weight_decay` of it.
    is_decoupled: bool,
    update: Update,
}

impl Numbers {
    fn apply(
        self,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: Vec<Tensor<1>>,
    ) -> (Tensor<1>, Vec<Tensor<1>>) {
        let [first, second] = <[Tensor<1>; 2]>::try_from(moments).expect("two moments");
        let [parameter, first, second] = step(parameter, gradient, first, second, self);
        (parameter, vec![first, second])
    }

    /// `1 - beta^step`, by which a moving average that started at zero is too small.
    fn correction(&self, beta: f64) -> f64 {
        1.0 - beta.powf(self.update.step as f64)
    }
}

/// `parameter -= lr * first / (1 - beta1^step) / (sqrt(second / (1 - beta2^step)) + eps)`, where `first` and `second` are the
/// exponential moving averages of the gradient and of its square. All tensors `[size]`.
fn step(
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
    numbers: Numbers,
) -> [Tensor<1>; 3] {
    if !is_cpu(&parameter.device()) {
        return composed(parameter, gradient, first, second, numbers);
    }
    let updated = <Dispatch as AdamBackend>::adam_step(
        parameter.into_dispatch(),
        gradient.into_dispatch(),
        first.into_dispatch(),
        second.into_dispatch(),
        numbers,
    );
    [updated.parameter, updated.first, updated.second].map(Tensor::from_dispatch)
}

/// As [`step`], from Burn's own operations, for devices that have no kernel of ours.
fn composed(
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
    numbers: Numbers,
) -> [Tensor<1>; 3] {
    let Numbers {
        adam: Adam { betas: [beta1, beta2], eps }, update: Update { lr, weight_decay, .. }, ..
    } = numbers;
    let (gradient, parameter) = match numbers.is_decoupled {
        true => (gradient, parameter * (1.0 - lr * weight_decay)),
        false => (gradient + parameter.clone() * weight_decay, parameter),
    };
    let first = first * beta1 + gradient.clone() * (1.0 - beta1);
    let second = second * beta2 + gradient.square() * (1.0 - beta2);
    let divisor = second.clone().sqrt() / numbers.correction(beta2).sqrt() + eps;
    let parameter = parameter - first.clone() / divisor * (lr / numbers.correction(beta1));
    [parameter, first, second]
}

/// A parameter and its moving averages after a step.
#[derive(ExtensionType)]
pub struct Updated<B: Backend> {
    parameter: FloatTensor<B>,
    first: FloatTensor<B>,
    second: FloatTensor<B>,
}

/// Backends that have the update of [`step`].
#[backend_extension(Flex)]
pub trait AdamBackend: Backend {
    /// See [`step`].
    fn adam_step(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        numbers: Numbers,
    ) -> Updated<Self>;
}

impl AdamBackend for Flex {
    fn adam_step(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        numbers: Numbers,
    ) -> Updated<Self> {
        const CHUNK: usize = 1 << 14;
        let size = [parameter.shape().num_elements()];
        let gradient = gradient.to_contiguous();
        let [mut parameter, mut first, mut second] = [parameter, first, second].map(into_floats);
        let Numbers { adam: Adam { betas: [beta1, beta2], eps }, is_decoupled, update } = numbers;
        let lr = (update.lr / numbers.correction(beta1)) as f32;
        let root = numbers.correction(beta2).sqrt() as f32;
        let [new1, new2] = [beta1, beta2].map(|beta| (1.0 - beta) as f32);
        let (beta2, eps) = (beta2 as f32, eps as f32);
        let shrink = if is_decoupled { (1.0 - update.lr * update.weight_decay) as f32 } else { 1.0 };
        let decay = if is_decoupled { 0.0 } else { update.weight_decay as f32 };
        parameter
            .par_chunks_mut(CHUNK)
            .zip(first.par_chunks_mut(CHUNK))
            .zip(second.par_chunks_mut(CHUNK))
            .zip(floats(&gradient).par_chunks(CHUNK))
            .for_each(|(((parameter, first), second), gradient)| {
                let means = first.iter_mut().zip(second);
                for ((parameter, (first, second)), gradient) in parameter.iter_mut().zip(means).zip(gradient)
                {
                    let gradient = gradient + decay * *parameter;
                    *first += new1 * (gradient - *first);
                    *second = beta2 * *second + new2 * gradient * gradient;
                    *parameter = shrink * *parameter - lr * *first / (second.sqrt() / root + eps);
                }
            });
        Updated {
            parameter: tensor(parameter, size),
            first: tensor(first, size),
            second: tensor(second, size),
        }
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
        for (is_decoupled, step_number) in [(false, 1), (true, 1), (false, 50), (true, 50)] {
            let update = Update { lr: 0.01, weight_decay: 0.05, step: step_number };
            let numbers = Numbers { adam: Adam::default(), is_decoupled, update };
            type Step = fn(Tensor<1>, Tensor<1>, Tensor<1>, Tensor<1>, Numbers) -> [Tensor<1>; 3];
            let run = |step: Step| step(tensor(1.0), tensor(2.0), tensor(3.0), tensor(4.0).square(), numbers);
            for (kernel, composition) in run(step).into_iter().zip(run(composed)) {
                assert!((kernel - composition).abs().max().into_scalar::<f32>() < 1e-6, "{numbers:?}");
            }
        }
    }
}
