//! A network: an architecture with values on a device, and its forward pass.

use std::convert::Infallible;
use std::ops::Range;

use burn::tensor::{Device, Tensor};

use super::arch::{Arch, Role, Spec};
use super::layout;
use super::norm::MOMENTUM;
use super::pass::{Pass, Statistics};
use crate::checkpoint::StateDict;
use crate::error::Error;

/// An architecture with the values of its parameters.
#[derive(Debug, Clone)]
pub struct Network {
    /// The architecture.
    pub arch: Arch,
    /// Values of `arch.parameters`, flat; convolution weights as `[height, width, in, out]`.
    pub parameters: Vec<Tensor<1>>,
}

impl Network {
    /// Puts the values of a state dict on a device.
    ///
    /// # Errors
    /// [`Error::Data`] naming the parameters that are missing, not known, or of another shape.
    pub fn new(arch: Arch, state: &StateDict, device: &Device) -> Result<Self, Error> {
        let parameters = layout::values(arch.parameters.iter(), state, device).map_err(|problems| {
            Error::data(format!(
                "the parameters do not fit {} with {} classes: {problems}; choose a checkpoint of this architecture or set model.arch",
                arch.name, arch.classes
            ))
        })?;
        Ok(Self { arch, parameters })
    }

    /// The values in PyTorch's names, order and layouts.
    pub fn state(&self) -> StateDict {
        layout::state(self.arch.parameters.iter(), &self.parameters)
    }

    /// The same network on another device.
    pub fn to_device(&self, device: &Device) -> Self {
        let parameters = self.parameters.iter().map(|values| values.clone().to_device(device)).collect();
        Self { arch: self.arch.clone(), parameters }
    }

    /// The same network, with parameters that autodiff tracks.
    pub fn tracked(&self) -> Self {
        let track = |(spec, values): (&Spec, &Tensor<1>)| {
            let values = Tensor::from_inner(values.clone());
            if spec.is_trained() { values.require_grad() } else { values }
        };
        let parameters = self.arch.parameters.iter().zip(&self.parameters).map(track).collect();
        Self { arch: self.arch.clone(), parameters }
    }

    /// Names and values of the parameters that gradient descent changes, in order.
    pub fn trained(&self) -> impl Iterator<Item = (&str, &Tensor<1>)> + Clone {
        let pairs = self.arch.parameters.iter().zip(&self.parameters);
        pairs.filter(|(spec, _)| spec.is_trained()).map(|(spec, values)| (spec.name.as_str(), values))
    }

    /// The values of [`Self::trained`], to change them.
    pub fn trained_mut(&mut self) -> impl Iterator<Item = &mut Tensor<1>> {
        let pairs = self.arch.parameters.iter().zip(&mut self.parameters);
        pairs.filter(|(spec, _)| spec.is_trained()).map(|(_, values)| values)
    }

    /// `(1 - coefficient) * self + coefficient * other`; counters are those of `self`. Both networks must have the same
    /// architecture.
    pub fn blend(&self, other: &Self, coefficient: f64) -> Self {
        let pairs = self.arch.parameters.iter().zip(self.parameters.iter().zip(&other.parameters));
        let parameters = pairs.map(|(spec, (one, two))| match spec.role {
            Role::Count => one.clone(),
            Role::Trained | Role::Frozen | Role::Statistic => {
                one.clone() * (1.0 - coefficient) + two.clone() * coefficient
            }
        });
        Self { arch: self.arch.clone(), parameters: parameters.collect() }
    }

    /// The forward pass in evaluation, where normalisation uses the running statistics.
    ///
    /// # Shapes
    /// - images: `[batch, 3, height, width]`
    /// - result: `[batch, classes]`
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        logits(self.forward_stages(0..self.arch.stages.len(), channels_last(images)))
    }

    /// The forward pass in training of a network that is [`Self::tracked`], and the new running statistics; shapes as
    /// [`Self::forward`]. Convolutions and linear layers, with what is added to them, are in the images' precision; normalisation,
    /// softmax and activations are computed in single precision.
    pub fn forward_train(&self, images: Tensor<4>) -> (Tensor<2>, Statistics) {
        let pass = Pass::training(&self.arch.parameters, &self.parameters, MOMENTUM);
        let Ok(x) = self.walk(&pass, 0..self.arch.stages.len(), channels_last(images), &[], nothing);
        (logits(x), pass.into_statistics())
    }

    /// The part of [`Self::forward`] that some stages compute, by their positions in [`Arch::stages`]; so the input of a stage
    /// that takes many values is computed once.
    ///
    /// # Shapes
    /// - x: the output of the stage before the first, `[batch, rows, columns, channels]`; for the first stage of all,
    ///   [`channels_last`] images
    /// - result: the output of the last; `[batch, 1, 1, classes]` of the last stage of all
    pub fn forward_stages(&self, stages: Range<usize>, x: Tensor<4>) -> Tensor<4> {
        let Ok(x) = self.walk(&self.evaluation(), stages, x, &[], nothing);
        x
    }

    /// The forward pass in evaluation up to the last of the chosen stages, which hands their features to `take` as they come,
    /// bottom to top; stages by their positions in [`Arch::stages`].
    ///
    /// # Shapes
    /// - images: `[batch, 3, height, width]`
    /// - features: `[batch, rows, columns, channels]`
    ///
    /// # Errors
    /// Those of `take`.
    pub fn features<E>(
        &self,
        images: Tensor<4>,
        chosen: &[usize],
        mut take: impl FnMut(usize, Tensor<4>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(last) = chosen.iter().copied().max() else { return Ok(()) };
        let pass = self.evaluation();
        let x = self.walk(&pass, 0..last, channels_last(images), chosen, &mut take)?;
        let layer = &self.arch.stages[last].computes;
        take(last, layer.hooked(&x, &pass).unwrap_or_else(|| layer.forward(x, &pass)))
    }

    /// Whether it has running statistics, as batch normalisation does.
    pub fn is_normalised(&self) -> bool {
        self.arch.parameters.iter().any(|spec| spec.role == Role::Statistic)
    }

    /// Moves the running statistics towards those of a batch, which get a share of `momentum`; images as in [`Self::forward`].
    pub fn observe(&mut self, images: Tensor<4>, momentum: f64) {
        let parameters: Vec<Tensor<1>> = self.parameters.iter().cloned().map(Tensor::from_inner).collect();
        let pass = Pass::training(&self.arch.parameters, &parameters, momentum);
        let images = channels_last(Tensor::from_inner(images));
        let Ok(_) = self.walk(&pass, 0..self.arch.stages.len(), images, &[], nothing);
        let statistics = pass.into_statistics();
        self.update(statistics);
    }

    /// Takes over running statistics from a pass in training.
    pub fn update(&mut self, statistics: Statistics) {
        statistics.store(&mut self.parameters);
    }

    fn evaluation(&self) -> Pass<'_> {
        Pass::evaluation(&self.arch.parameters, &self.parameters)
    }

    /// The one walk up the stages, which every forward pass is. The features of those stages that are `chosen` are handed to
    /// `take`. Returns the output of the last stage.
    fn walk<E>(
        &self,
        pass: &Pass,
        stages: Range<usize>,
        mut x: Tensor<4>,
        chosen: &[usize],
        mut take: impl FnMut(usize, Tensor<4>) -> Result<(), E>,
    ) -> Result<Tensor<4>, E> {
        let mut waiting = None;
        for (position, stage) in stages.clone().zip(&self.arch.stages[stages]) {
            let is_chosen = chosen.contains(&position);
            let hooked = if is_chosen { stage.computes.hooked(&x, pass) } else { None };
            x = stage.computes.forward(x, pass);
            // Once the next stage has read them, features have no other owner, and reading them needs no copy.
            if let Some((position, features)) = waiting.take() {
                take(position, features)?;
            }
            waiting = is_chosen.then(|| (position, hooked.unwrap_or_else(|| x.clone())));
        }
        if let Some((position, features)) = waiting {
            take(position, features)?;
        }
        Ok(x)
    }
}

/// Images `[batch, 3, height, width]` as the first stage reads them, `[batch, height, width, 3]`.
pub fn channels_last(images: Tensor<4>) -> Tensor<4> {
    images.permute([0, 2, 3, 1])
}

/// `[batch, 1, 1, classes]` as `[batch, classes]`.
fn logits(x: Tensor<4>) -> Tensor<2> {
    x.flatten(1, 3)
}

/// For passes whose features nobody wants.
fn nothing(_: usize, _: Tensor<4>) -> Result<(), Infallible> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::arch::FAMILIES;
    use super::super::initial_state;
    use super::*;

    /// The smallest network of each family, none of whose parameters is constant, and two images for it.
    fn networks() -> impl Iterator<Item = (Network, Tensor<4>)> {
        FAMILIES.iter().map(|family| {
            let (arch, device) = (Arch::for_images(family.names[0], 5, 32).unwrap(), Device::flex());
            let mut state = initial_state(&arch, 1);
            for tensor in &mut state.tensors {
                for (index, value) in tensor.data.iter_mut().enumerate() {
                    *value += 0.02 * (index as f32).sin();
                }
            }
            let values: Vec<f32> = (0..2 * 3 * 32 * 32).map(|i| (i as f32).sin()).collect();
            let images = Tensor::<1>::from_floats(values.as_slice(), &device).reshape([2, 3, 32, 32]);
            (Network::new(arch, &state, &device).unwrap(), images)
        })
    }

    #[test]
    fn the_stages_before_and_after_any_boundary_are_the_network_bit_for_bit() {
        for (network, images) in networks() {
            let whole = network.forward(images.clone()).into_data();
            let count = network.arch.stages.len();
            for boundary in 0..=count {
                let x = network.forward_stages(0..boundary, channels_last(images.clone()));
                let parts = logits(network.forward_stages(boundary..count, x));
                assert_eq!(parts.into_data(), whole, "{}, {boundary}", network.arch.name);
            }
        }
    }

    #[test]
    fn features_are_the_outputs_of_stages_or_what_pytorch_hooks() {
        for (network, images) in networks() {
            let stages = &network.arch.stages;
            let features = |chosen: &[usize]| {
                let mut all = Vec::new();
                let Ok(()) = network.features(images.clone(), chosen, |stage, x| {
                    all.push((stage, x.into_data()));
                    Ok::<_, Infallible>(())
                });
                all
            };
            let every: Vec<usize> = (0..stages.len()).collect();
            let all = features(&every);
            assert_eq!(all.iter().map(|(stage, _)| *stage).collect::<Vec<_>>(), every);
            let pass = network.evaluation();
            let mut x = channels_last(images.clone());
            for ((position, feature), stage) in all.iter().zip(stages) {
                let hooked = stage.computes.hooked(&x, &pass);
                x = network.forward_stages(*position..position + 1, x);
                let expected = hooked.unwrap_or_else(|| x.clone()).into_data();
                assert_eq!(*feature, expected, "{} {}", network.arch.name, stage.name);
                assert_eq!(features(&[*position]), all[*position..position + 1], "{} alone", stage.name);
            }
            let some = [stages.len() - 1, 2, 0, stages.len() - 2];
            let expected: Vec<_> = all.iter().filter(|(stage, _)| some.contains(stage)).cloned().collect();
            assert_eq!(features(&some), expected, "{}", network.arch.name);
        }
    }

    #[test]
    fn what_is_not_a_number_reaches_the_outputs_of_its_image_alone() {
        for (network, images) in networks() {
            let images = images.slice_fill([0..1, 0..3, 9..10, 9..10], f32::NAN);
            let logits: Vec<f32> = network.forward(images).into_data().try_into_vec().unwrap();
            let (first, second) = logits.split_at(logits.len() / 2);
            assert!(first.iter().all(|logit| logit.is_nan()), "{}: {first:?}", network.arch.name);
            assert!(second.iter().all(|logit| logit.is_finite()), "{}: {second:?}", network.arch.name);
        }
    }

    #[test]
    fn observed_statistics_are_those_of_the_batches() {
        for (network, images) in networks().filter(|(network, _)| network.is_normalised()) {
            let mut once = network.clone();
            once.observe(images.clone(), 1.0);
            let mut twice = once.clone();
            twice.observe(images.clone(), 0.5);
            // A pass in training gives the batch a tenth of the running statistics.
            let (_, statistics) = network.tracked().forward_train(Tensor::from_inner(images));
            let mut trained = network.clone();
            trained.update(statistics);
            let all = network.arch.parameters.iter().enumerate();
            for (index, spec) in all.filter(|(_, spec)| spec.role == Role::Statistic) {
                let [old, once, twice, trained] = [&network, &once, &twice, &trained].map(|network| {
                    network.parameters[index].clone().into_data().try_into_vec::<f32>().unwrap()
                });
                for (channel, once) in once.iter().enumerate() {
                    let close = |value: f32| (value - once).abs() <= 1e-4 * once.abs().max(1.0);
                    assert!(close(twice[channel]), "{}", spec.name);
                    assert!(close((trained[channel] - 0.9 * old[channel]) / 0.1), "{}", spec.name);
                }
            }
        }
    }
}
