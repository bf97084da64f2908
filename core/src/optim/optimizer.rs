//! The optimizer: parameters in the reference's groups, each with its own learning rate, updated as PyTorch does it.

use burn::tensor::Tensor;

use super::rule::Update;
use super::{OptimizerSettings, UpdateRule};
use crate::error::Result;

/// Updates parameters and remembers what its rule needs.
#[derive(Debug)]
pub struct Optimizer {
    /// What it remembers.
    pub memory: Memory,
    /// Learning rate of each group, which a schedule may change between steps.
    pub rates: Vec<f64>,
    /// Factor of its group's learning rate for each parameter: 1, unless layers differ.
    pub factors: Vec<f64>,
    rule: UpdateRule,
    weight_decay: f64,
    /// Group of each parameter.
    groups: Vec<usize>,
}

/// What an update rule remembers from step to step.
#[derive(Debug, Clone)]
pub struct Memory {
    /// For each of the rule's moments, a tensor for each parameter, in the network's order.
    pub moments: Vec<Vec<Tensor<1>>>,
    /// Steps that were made.
    pub steps: u64,
}

impl Optimizer {
    /// An optimizer that has made no step, for parameters with their names.
    ///
    /// # Errors
    /// Those of [`OptimizerSettings::groups`].
    pub fn new<'a>(
        settings: &OptimizerSettings,
        parameters: impl Iterator<Item = (&'a str, &'a Tensor<1>)> + Clone,
    ) -> Result<Self> {
        let names = parameters.clone().map(|(name, _)| name);
        let zeros = |_: &&str| parameters.clone().map(|(_, values)| values.zeros_like()).collect();
        Ok(Self {
            memory: Memory { moments: settings.rule.moments().iter().map(zeros).collect(), steps: 0 },
            rates: settings.group_rates(),
            factors: vec![1.0; names.clone().count()],
            rule: settings.rule,
            weight_decay: settings.weight_decay,
            groups: settings.groups(names)?,
        })
    }

    /// PyTorch's names of the tensors that are remembered for each parameter.
    pub fn moments(&self) -> &'static [&'static str] {
        self.rule.moments()
    }

    /// Updates the parameters. Parameters, gradients: `[size]` each.
    pub fn step<'a>(
        &mut self,
        parameters: impl Iterator<Item = &'a mut Tensor<1>>,
        gradients: Vec<Tensor<1>>,
    ) {
        let Memory { moments, steps } = &mut self.memory;
        *steps += 1;
        for (index, (place, gradient)) in parameters.zip(gradients).enumerate() {
            let lr = self.rates[self.groups[index]] * self.factors[index];
            let update = Update { lr, weight_decay: self.weight_decay, step: *steps };
            // Taken out, so that nobody else holds them and they are updated in place.
            let empty = Tensor::empty([0], &gradient.device());
            let parameter = std::mem::replace(place, empty.clone());
            let old = moments.iter_mut().map(|kind| std::mem::replace(&mut kind[index], empty.clone()));
            let old = old.collect();
            let (parameter, new) = self.rule.rule().step(update, parameter, gradient, old);
            *place = parameter;
            moments.iter_mut().zip(new).for_each(|(kind, new)| kind[index] = new);
        }
    }
}
