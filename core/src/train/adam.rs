//! Adam and AdamW as PyTorch does them, one pass over each parameter.

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
    /// Factor of the parameter that is added to its gradient, or share of `lr` that the parameter shrinks by.
    pub weight_decay: f64,
    /// Which of the two: true for AdamW.
    pub decoupled: bool,
    /// Shares of the means that stay, and what keeps the divisor from zero.
    pub kwargs: config::Adam,
    /// Number of the step, from 1.
    pub step: u64,
}

/// `parameter -= lr * first / (1 - beta1^step) / (sqrt(second / (1 - beta2^step)) + eps)`, where `first` and `second` are the
/// running means of the gradient and of its square. All tensors `[size]`.
pub fn step(
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
    rule: Rule,
) -> [Tensor<1>; 3] {
    if !is_cpu(&parameter.device()) {
        return composed(parameter, gradient, first, second, rule);
    }
    let updated = <Dispatch as AdamBackend>::adam_step(
        parameter.into_dispatch(),
        gradient.into_dispatch(),
        first.into_dispatch(),
        second.into_dispatch(),
        rule,
    );
    [updated.parameter, updated.first, updated.second].map(Tensor::from_dispatch)
}

/// As [`step`], from Burn's own operations, for devices that have no kernel of ours.
fn composed(
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
    rule: Rule,
) -> [Tensor<1>; 3] {
    let config::Adam { betas: [beta1, beta2], eps } = rule.kwargs;
    let correction = |beta: f64| 1.0 - beta.powf(rule.step as f64);
    let (gradient, parameter) = match rule.decoupled {
        true => (gradient, parameter * (1.0 - rule.lr * rule.weight_decay)),
        false => (gradient + parameter.clone() * rule.weight_decay, parameter),
    };
    let first = first * beta1 + gradient.clone() * (1.0 - beta1);
    let second = second * beta2 + gradient.square() * (1.0 - beta2);
    let divisor = second.clone().sqrt() / correction(beta2).sqrt() + eps;
    let parameter = parameter - first.clone() / divisor * (rule.lr / correction(beta1));
    [parameter, first, second]
}

/// A parameter and its running means after a step.
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
        rule: Rule,
    ) -> Updated<Self>;
}

impl AdamBackend for Flex {
    fn adam_step(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        rule: Rule,
    ) -> Updated<Self> {
        const CHUNK: usize = 1 << 14;
        let size = [parameter.shape().num_elements()];
        let gradient = gradient.to_contiguous();
        let [mut parameter, mut first, mut second] = [parameter, first, second].map(into_floats);
        let [beta1, beta2] = rule.kwargs.betas;
        let correction = |beta: f64| 1.0 - beta.powf(rule.step as f64);
        let lr = (rule.lr / correction(beta1)) as f32;
        let root = correction(beta2).sqrt() as f32;
        let [new1, new2] = [beta1, beta2].map(|beta| (1.0 - beta) as f32);
        let (beta2, eps) = (beta2 as f32, rule.kwargs.eps as f32);
        let shrink = if rule.decoupled { (1.0 - rule.lr * rule.weight_decay) as f32 } else { 1.0 };
        let decay = if rule.decoupled { 0.0 } else { rule.weight_decay as f32 };
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
        for (decoupled, steps) in [(false, 1), (true, 1), (false, 50), (true, 50)] {
            let rule = Rule {
                lr: 0.01,
                weight_decay: 0.05,
                decoupled,
                kwargs: config::Adam::default(),
                step: steps,
            };
            type Step = fn(Tensor<1>, Tensor<1>, Tensor<1>, Tensor<1>, Rule) -> [Tensor<1>; 3];
            let run = |step: Step| step(tensor(1.0), tensor(2.0), tensor(3.0), tensor(4.0).square(), rule);
            for (kernel, composition) in run(step).into_iter().zip(run(composed)) {
                assert!((kernel - composition).abs().max().into_scalar::<f32>() < 1e-6, "{rule:?}");
            }
        }
    }
}
