//! The optimizer: parameters in the reference's groups, each with its own learning rate.

use burn::tensor::{Gradients, Tensor};

use super::sgd::{self, Rule};
use crate::model::Network;

/// Factor of the learning rate of biases and scales (reference `libtrain.make_optimizer`).
const SLOW: f64 = 0.1;

/// The groups in the reference's order: names that contain `bias`, then `scale`, then the rest.
pub const GROUPS: [&str; 3] = ["bias", "scale", "default"];

/// Momentum of every parameter, and the settings that stay for a whole run.
#[derive(Debug)]
pub struct Optimizer {
    /// One velocity for each trained parameter, in the network's order.
    pub velocities: Vec<Tensor<1>>,
    momentum: f64,
    weight_decay: f64,
}

impl Optimizer {
    /// The optimizer with the velocities of an earlier one, or of zero.
    pub fn new(
        network: &Network,
        velocities: Option<Vec<Tensor<1>>>,
        momentum: f64,
        weight_decay: f64,
    ) -> Self {
        let zero = || network.trained().map(|(_, values)| values.zeros_like()).collect();
        let velocities = velocities.unwrap_or_else(zero);
        Self { velocities, momentum, weight_decay }
    }

    /// Updates the network with the learning rates of [`GROUPS`]. `tracked` is the copy of it that the loss was computed with.
    pub fn step(
        &mut self,
        network: &mut Network,
        tracked: Network,
        gradients: &mut Gradients,
        rates: [f64; 3],
    ) {
        let gradients: Vec<Option<Tensor<1>>> =
            tracked.trained().map(|(_, leaf)| leaf.grad_remove(gradients)).collect();
        drop(tracked);
        let state = network.trained_mut().zip(&mut self.velocities);
        for (((spec, parameter), velocity), gradient) in state.zip(gradients) {
            let gradient = gradient.unwrap_or_else(|| parameter.zeros_like());
            let lr = rates[group(&spec.name)];
            let rule = Rule { lr, momentum: self.momentum, weight_decay: self.weight_decay };
            let empty = || Tensor::empty([0], &gradient.device());
            let old = [std::mem::replace(parameter, empty()), std::mem::replace(velocity, empty())];
            let [old_parameter, old_velocity] = old;
            [*parameter, *velocity] = sgd::step(old_parameter, gradient, old_velocity, rule);
        }
    }
}

/// Learning rates of [`GROUPS`] from that of the default group.
pub fn group_rates(lr: f64) -> [f64; 3] {
    [lr * SLOW, lr * SLOW, lr]
}

/// Index of a parameter's group; `fc.bias` is a bias too, as in the reference.
fn group(name: &str) -> usize {
    if name.contains("bias") {
        0
    } else if name.contains("scale") {
        1
    } else {
        2
    }
}
