//! The shapes of an architecture's operations, and their values and gradients.

use std::fmt;
use std::ops::Range;

use burn::tensor::{Device, Tensor};

use crate::error::Result;
use crate::evaluate::values;
use crate::model::conv::{Options, composed, conv};
use crate::model::layer::{LinearMap, Operator};
use crate::model::{Arch, pool};
use crate::random::{Keyed, Purpose};

/// An operation on square images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Conv { kernel: usize, stride: usize, side: usize, inputs: usize, outputs: usize },
    Pool { side: usize, channels: usize },
    Linear { inputs: usize, outputs: usize },
}

/// Who convolves and pools.
#[derive(Clone, Copy)]
pub(super) struct Operations {
    conv: fn(Tensor<4>, Tensor<4>, Tensor<1>, Tensor<1>, Option<Tensor<4>>, Options) -> Tensor<4>,
    max_pool: fn(Tensor<4>) -> Tensor<4>,
}

impl Operations {
    /// The CPU's own kernels.
    pub const OWN: Self = Self { conv, max_pool: pool::max_pool };
    /// Compositions of Burn's operations, on any device.
    pub const BURN: Self = Self { conv: composed::conv, max_pool: pool::composed };
}

/// Each shape once, with its first layer and the number of its layers.
pub(super) fn of(arch: &Arch, side: usize) -> Vec<(String, usize, Shape)> {
    let mut found: Vec<(String, usize, Shape)> = Vec::new();
    let mut add = |layer: &str, shape| match found.iter_mut().find(|(.., known)| *known == shape) {
        Some((_, layers, _)) => *layers += 1,
        None => found.push((layer.to_owned(), 1, shape)),
    };
    for (stage, operator) in arch.operators(side) {
        let LinearMap { weight, stride, side } = match operator {
            Operator::Linear(map) => map,
            Operator::MaxPool { channels, side } => {
                add(stage, Shape::Pool { side, channels });
                continue;
            }
        };
        let spec = &arch.parameters[weight];
        let layer = spec.name.trim_end_matches(".weight");
        match *spec.shape {
            [outputs, inputs, kernel, _] => add(layer, Shape::Conv { kernel, stride, side, inputs, outputs }),
            [outputs, inputs] => add(layer, Shape::Linear { inputs, outputs }),
            _ => {}
        }
    }
    found
}

impl Shape {
    /// The output for random operands, then the gradient of each operand.
    pub fn run(&self, batch: usize, device: &Device, operations: Operations) -> Result<Vec<Vec<f32>>> {
        let device = device.clone().autodiff();
        let leaves: Vec<Tensor<1>> = self
            .operands(batch)
            .into_iter()
            .enumerate()
            .map(|(number, size)| random(number, size, -1.0..1.0, &device).require_grad())
            .collect();
        let output = self.apply(batch, &leaves, operations);
        // Weights of one sign, so that the sum of them, the gradient of a bias, does not cancel.
        let weights = random(leaves.len(), output.shape().num_elements(), 0.5..1.5, &device);
        let loss = (output.clone() * weights.reshape(output.dims())).sum();
        let mut gradients = loss.backward();
        let gradients = leaves.iter().filter_map(|leaf| leaf.grad_remove(&mut gradients)).map(values);
        std::iter::once(values(output.inner())).chain(gradients).collect()
    }

    /// Sizes of the operands: images, then weights and biases.
    fn operands(&self, batch: usize) -> Vec<usize> {
        match *self {
            Self::Conv { kernel, side, inputs, outputs, .. } => {
                vec![batch * side * side * inputs, kernel * kernel * inputs * outputs, 1, 1]
            }
            Self::Pool { side, channels } => vec![batch * side * side * channels],
            Self::Linear { inputs, outputs } => vec![batch * inputs, outputs * inputs, outputs],
        }
    }

    fn apply(&self, batch: usize, operands: &[Tensor<1>], operations: Operations) -> Tensor<4> {
        let operand = |number: usize| operands[number].clone();
        match *self {
            Self::Conv { kernel, stride, side, inputs, outputs } => {
                let images = operand(0).reshape([batch, side, side, inputs]);
                let weights = operand(1).reshape([kernel, kernel, inputs, outputs]);
                let options = Options { stride, padding: kernel / 2, relu: false };
                (operations.conv)(images, weights, operand(2), operand(3), None, options)
            }
            Self::Pool { side, channels } => {
                (operations.max_pool)(operand(0).reshape([batch, side, side, channels]))
            }
            Self::Linear { inputs, outputs } => {
                let weights = operand(1).reshape([outputs, inputs]);
                let products = operand(0).reshape([batch, inputs]).matmul(weights.transpose());
                (products + operand(2).reshape([1, outputs])).reshape([batch, 1, 1, outputs])
            }
        }
    }
}

/// Values in a range; the same for the same number.
fn random(number: usize, size: usize, Range { start, end }: Range<f64>, device: &Device) -> Tensor<1> {
    let mut random = Keyed::new(0, Purpose::Init, 0, number as u64);
    let floats: Vec<f32> = (0..size).map(|_| random.range(start, end) as f32).collect();
    Tensor::from_floats(floats.as_slice(), device)
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Conv { kernel, stride, side, inputs, outputs } => write!(
                formatter,
                "convolution {kernel}x{kernel} stride {stride}, {inputs} to {outputs} channels, {side}x{side}"
            ),
            Self::Pool { side, channels } => {
                write!(formatter, "max pooling, {channels} channels, {side}x{side}")
            }
            Self::Linear { inputs, outputs } => write!(formatter, "linear, {inputs} to {outputs}"),
        }
    }
}
