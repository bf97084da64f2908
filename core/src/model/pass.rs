//! One forward pass: what layers are given beside their input.

use std::cell::RefCell;

use burn::tensor::{Device, Tensor};

use super::spec::{Role, Spec};

/// One forward pass, from which layers get the values of their parameters.
#[derive(Debug)]
pub struct Pass<'a> {
    specs: &'a [Spec],
    parameters: &'a [Tensor<1>],
    /// The new running statistics of a pass in training; absent in evaluation.
    statistics: Option<RefCell<Statistics>>,
    momentum: f64,
}

/// New values of running statistics and counters, by index.
#[derive(Debug, Default)]
pub struct Statistics(Vec<(usize, Tensor<1>)>);

impl<'a> Pass<'a> {
    /// A pass in evaluation, where normalisation uses the running statistics. `parameters` are the values of `specs`, flat.
    pub fn evaluation(specs: &'a [Spec], parameters: &'a [Tensor<1>]) -> Self {
        Self { specs, parameters, statistics: None, momentum: 0.0 }
    }

    /// A pass in training, where normalisation uses the statistics of the batch, which have a share of `momentum` in the new
    /// running statistics.
    pub fn training(specs: &'a [Spec], parameters: &'a [Tensor<1>], momentum: f64) -> Self {
        Self { specs, parameters, statistics: Some(RefCell::default()), momentum }
    }

    /// Whether normalisation uses the statistics of the batch.
    pub fn is_training(&self) -> bool {
        self.statistics.is_some()
    }

    /// Whether a parameter stays as it is in training.
    pub fn is_frozen(&self, index: usize) -> bool {
        self.specs[index].role == Role::Frozen
    }

    /// The share of a batch in the running statistics.
    pub fn momentum(&self) -> f64 {
        self.momentum
    }

    /// The values of a parameter, flat.
    pub fn value(&self, index: usize) -> Tensor<1> {
        self.parameters[index].clone()
    }

    /// The weight of a convolution, `[height, width, in, out]`; of a linear layer, that of the 1 x 1 convolution which it is.
    pub fn weight(&self, index: usize) -> Tensor<4> {
        let shape = &self.specs[index].shape;
        let side = |axis: usize| shape.get(axis).copied().unwrap_or(1);
        self.value(index).reshape([side(2), side(3), shape[1], shape[0]])
    }

    /// Zero, `[1]`.
    pub fn zero(&self) -> Tensor<1> {
        Tensor::zeros([1], &self.parameters[0].device())
    }

    /// Keeps the new value of a running statistic, which autodiff does not track, of a pass in training.
    pub fn record(&self, index: usize, values: Tensor<1>) {
        if let Some(statistics) = &self.statistics {
            statistics.borrow_mut().0.push((index, values));
        }
    }

    /// All that [`Self::record`] has kept.
    pub fn into_statistics(self) -> Statistics {
        self.statistics.unwrap_or_default().into_inner()
    }
}

impl Statistics {
    /// The same on another device.
    #[must_use]
    pub fn to_device(self, device: &Device) -> Self {
        Self(self.0.into_iter().map(|(index, values)| (index, values.to_device(device))).collect())
    }

    /// The mean of the statistics of the parts of a batch, weighted by their shares of it.
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

    /// Writes the new values over the old ones.
    pub fn store(self, parameters: &mut [Tensor<1>]) {
        for (index, values) in self.0 {
            parameters[index] = values;
        }
    }
}
