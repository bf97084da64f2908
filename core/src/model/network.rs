//! A network: an architecture with values on a device, and its forward pass.

use std::cell::RefCell;
use std::ops::Range;

use burn::tensor::{Device, FloatDType, Tensor};

use super::arch::{Arch, Role, Spec};
use super::conv::{Options, conv};
use super::layout;
use super::pool::max_pool;
use crate::checkpoint::StateDict;
use crate::error::{Error, Result};

/// An architecture with the values of its parameters.
#[derive(Debug, Clone)]
pub struct Network {
    /// The architecture.
    pub arch: Arch,
    /// Values of `arch.parameters`, flat; convolution weights as `[height, width, in, out]`.
    pub parameters: Vec<Tensor<1>>,
}

/// New values of running statistics and counters, by index.
#[derive(Debug, Default)]
pub struct Statistics(Vec<(usize, Tensor<1>)>);

/// One forward pass, from which layers get their values.
#[derive(Debug)]
pub struct Pass<'a> {
    network: &'a Network,
    /// What a pass in training has found; absent in evaluation.
    statistics: Option<RefCell<Statistics>>,
}

impl Network {
    /// Puts the values of a state dict on a device.
    ///
    /// # Errors
    /// [`Error::Data`] naming the parameters that are missing, not known, or of another shape.
    pub fn new(arch: Arch, state: &StateDict, device: &Device) -> Result<Self> {
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
            Role::Trained | Role::Statistic => one.clone() * (1.0 - coefficient) + two.clone() * coefficient,
        });
        Self { arch: self.arch.clone(), parameters: parameters.collect() }
    }

    /// The forward pass in evaluation, where normalisation uses the running statistics.
    ///
    /// # Shapes
    /// - images: `[batch, 3, height, width]`
    /// - result: `[batch, classes]`
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        Pass { network: self, statistics: None }.forward(images)
    }

    /// The part of [`Self::forward`] that modules `range` of [`Arch::modules`] compute, so that what lies before a changed
    /// module is computed once.
    ///
    /// # Shapes
    /// - input: what the module before puts out, `[batch, height, width, channels]`; images `[batch, 3, height, width]` for
    ///   a range that starts at 0
    /// - result: the same of the last module; `[batch, 1, 1, classes]` for a range that ends with the head
    pub fn forward_modules(&self, range: Range<usize>, input: Tensor<4>) -> Tensor<4> {
        let pass = Pass { network: self, statistics: None };
        let layers = &self.arch.layers;
        let head = layers.blocks.len() + 1;
        range.fold(input, |x, module| match module {
            0 => max_pool(layers.stem.forward(x.permute([0, 2, 3, 1]), &pass)),
            block if block < head => layers.blocks[block - 1].1.forward(x, &pass),
            _ => pass.head(mean_over_positions(x)).reshape([0, 1, 1, -1]),
        })
    }

    /// The forward pass in training of a network that is [`Self::tracked`], and what running statistics become by it;
    /// shapes as [`Self::forward`]. Convolutions compute in the images' precision, all else in single precision.
    pub fn forward_train(&self, images: Tensor<4>) -> (Tensor<2>, Statistics) {
        let pass = Pass { network: self, statistics: Some(RefCell::default()) };
        let logits = pass.forward(images);
        (logits, pass.statistics.unwrap_or_default().into_inner())
    }

    /// Takes over running statistics from a pass in training.
    pub fn update(&mut self, statistics: Statistics) {
        for (index, values) in statistics.0 {
            self.parameters[index] = values;
        }
    }

    /// The forward pass in evaluation, handing what the chosen modules put out to `take` as it comes, bottom to top, and going
    /// no further than the last of them; modules by their place in [`Arch::outputs`].
    ///
    /// # Shapes
    /// - images: `[batch, 3, height, width]`
    /// - what is taken: `[batch, height, width, channels]`; one by one from `avgpool` on
    ///
    /// # Errors
    /// Those of `take`.
    pub fn outputs(
        &self,
        images: Tensor<4>,
        chosen: &[usize],
        mut take: impl FnMut(usize, Tensor<4>) -> Result<()>,
    ) -> Result<()> {
        let pass = Pass { network: self, statistics: None };
        let layers = &self.arch.layers;
        let avgpool = layers.blocks.len() + 2;
        let mut x = images.permute([0, 2, 3, 1]);
        if chosen.contains(&0) {
            let raw = Options { stride: 2, padding: 3, relu: false };
            take(0, conv(x.clone(), pass.weight(layers.conv1), pass.zero(), pass.zero(), None, raw))?;
        }
        let last = chosen.iter().copied().max().unwrap_or(0);
        for module in 1..=last {
            let output = match module {
                1 => max_pool(layers.stem.forward(x.clone(), &pass)),
                block if block < avgpool => layers.blocks[block - 2].1.forward(x.clone(), &pass),
                _ if module == avgpool => mean_over_positions(x.clone()).reshape([0, 1, 1, -1]),
                _ => pass.head(x.clone().flatten(1, 3)).reshape([0, 1, 1, -1]),
            };
            // Handed over only now, it has no other owner and need not be copied.
            if module > 1 && chosen.contains(&(module - 1)) {
                take(module - 1, x)?;
            }
            x = output;
        }
        if last > 0 { take(last, x) } else { Ok(()) }
    }
}

impl Statistics {
    /// The same on another device.
    #[must_use]
    pub fn to_device(self, device: &Device) -> Self {
        Self(self.0.into_iter().map(|(index, values)| (index, values.to_device(device))).collect())
    }

    /// The mean of what the parts of a batch have found, by their shares of it.
    #[must_use]
    pub fn mean(parts: Vec<(f64, Self)>) -> Self {
        let weighted = parts.into_iter().map(|(weight, Self(values))| match weight {
            1.0 => values,
            weight => values.into_iter().map(|(index, values)| (index, values * weight)).collect(),
        });
        let add = |(index, sum): (usize, Tensor<1>), (_, more)| (index, sum + more);
        let sum =
            |sum: Vec<_>, more: Vec<_>| sum.into_iter().zip(more).map(|(sum, more)| add(sum, more)).collect();
        Self(weighted.reduce(sum).unwrap_or_default())
    }
}

impl Pass<'_> {
    /// Whether normalisation uses the statistics of the batch.
    pub fn is_training(&self) -> bool {
        self.statistics.is_some()
    }

    /// The values of a parameter, flat.
    pub fn value(&self, index: usize) -> Tensor<1> {
        self.network.parameters[index].clone()
    }

    /// The weight of a convolution, `[height, width, in, out]`.
    pub fn weight(&self, index: usize) -> Tensor<4> {
        let shape = &self.network.arch.parameters[index].shape;
        self.value(index).reshape([shape[2], shape[3], shape[1], shape[0]])
    }

    /// Zero, `[1]`.
    pub fn zero(&self) -> Tensor<1> {
        Tensor::zeros([1], &self.network.parameters[0].device())
    }

    /// Keeps the new value of a running statistic, not tracked by autodiff, that a pass in training has found.
    pub fn record(&self, index: usize, values: Tensor<1>) {
        if let Some(statistics) = &self.statistics {
            statistics.borrow_mut().0.push((index, values));
        }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let layers = &self.network.arch.layers;
        let x = max_pool(layers.stem.forward(images.permute([0, 2, 3, 1]), self));
        let x = layers.blocks.iter().fold(x, |x, (_, block)| block.forward(x, self));
        self.head(mean_over_positions(x))
    }

    fn head(&self, features: Tensor<2>) -> Tensor<2> {
        let head = &self.network.arch.layers.head;
        let classes = self.network.arch.classes;
        let weight = self.value(head.weight).reshape([classes as i32, -1]);
        let features = match head.before {
            Some(before) => features + self.value(before).reshape([1, 1]),
            None => features,
        };
        features.matmul(weight.transpose()) + self.value(head.bias).reshape([1, classes])
    }
}

fn mean_over_positions(x: Tensor<4>) -> Tensor<2> {
    let [batch, height, width, channels] = x.dims();
    x.cast(FloatDType::F32).reshape([batch, height * width, channels]).mean_dim(1).reshape([batch, channels])
}
