//! The optimizer: parameters in the reference's groups, each with its own learning rate, updated as PyTorch does it.

use burn::tensor::{Gradients, Tensor};

use super::{adam, sgd};
use crate::config::{self, UpdateRule};
use crate::error::Result;
use crate::model::Network;

/// Updates parameters and remembers what its rule needs.
#[derive(Debug)]
pub struct Optimizer {
    /// What it remembers.
    pub memory: Memory,
    /// Learning rate of each group, which a scheduler may change between steps.
    pub rates: Vec<f64>,
    pub(super) rule: UpdateRule,
    weight_decay: f64,
    /// Group of each parameter.
    groups: Vec<usize>,
}

/// What an update rule remembers from step to step.
#[derive(Debug, Clone)]
pub struct Memory {
    /// For each of [`moments`], a tensor for each parameter, in the network's order.
    pub moments: Vec<Vec<Tensor<1>>>,
    /// Steps that were made.
    pub steps: u64,
}

/// PyTorch's names of the tensors that a rule keeps for each parameter.
pub fn moments(rule: UpdateRule) -> &'static [&'static str] {
    match rule {
        UpdateRule::Sgd(_) => &["momentum"],
        UpdateRule::Adam(_) | UpdateRule::AdamW(_) => &["exp_avg", "exp_avg_sq"],
    }
}

impl Optimizer {
    /// An optimizer that has made no step, for parameters with their names.
    ///
    /// # Errors
    /// Those of [`config::Optimizer::groups`].
    pub fn new<'a>(
        settings: &config::Optimizer,
        parameters: impl Iterator<Item = (&'a str, &'a Tensor<1>)> + Clone,
    ) -> Result<Self> {
        let names = parameters.clone().map(|(name, _)| name);
        let zeros = |_: &&str| parameters.clone().map(|(_, values)| values.zeros_like()).collect();
        Ok(Self {
            memory: Memory { moments: moments(settings.rule).iter().map(zeros).collect(), steps: 0 },
            rates: settings.group_rates(),
            rule: settings.rule,
            weight_decay: settings.weight_decay,
            groups: settings.groups(names)?,
        })
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
            let (lr, weight_decay) = (self.rates[self.groups[index]], self.weight_decay);
            // Taken out, so that nobody else holds them and they are updated in place.
            let empty = Tensor::empty([0], &gradient.device());
            let parameter = std::mem::replace(place, empty.clone());
            let mut moment = |kind: usize| std::mem::replace(&mut moments[kind][index], empty.clone());
            match self.rule {
                UpdateRule::Sgd(kwargs) => {
                    // PyTorch starts the velocity at the first gradient, and has none without momentum.
                    let whole = *steps == 1 || kwargs.momentum == 0.0;
                    let dampening = if whole { 0.0 } else { kwargs.dampening };
                    let rule = sgd::Rule { lr, weight_decay, kwargs: config::Sgd { dampening, ..kwargs } };
                    [*place, moments[0][index]] = sgd::step(parameter, gradient, moment(0), rule);
                }
                UpdateRule::Adam(kwargs) | UpdateRule::AdamW(kwargs) => {
                    let decoupled = matches!(self.rule, UpdateRule::AdamW(_));
                    let rule = adam::Rule { lr, weight_decay, decoupled, kwargs, step: *steps };
                    let [first, second] = [moment(0), moment(1)];
                    [*place, moments[0][index], moments[1][index]] =
                        adam::step(parameter, gradient, first, second, rule);
                }
            }
        }
    }
}

/// The gradients of a network's trained parameters, in its order; zeros where the loss does not depend on one. `tracked` is the copy
/// of the network that the loss was computed with: it goes, so that the network can be updated in place.
pub fn take_gradients(tracked: Network, gradients: &mut Gradients) -> Vec<Tensor<1>> {
    let take =
        |leaf: &Tensor<1>| leaf.grad_remove(gradients).unwrap_or_else(|| leaf.clone().inner().zeros_like());
    tracked.trained().map(|(_, leaf)| leaf).map(take).collect()
}
