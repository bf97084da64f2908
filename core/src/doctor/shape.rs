//! The shapes of an architecture's operations, and their values and gradients.

use std::fmt;
use std::ops::Range;

use burn::tensor::{Device, Tensor};

use crate::error::Result;
use crate::evaluate::values;
use crate::model::conv::{Options, composed, conv};
use crate::model::layer::{LinearMap, Operator};
use crate::model::{Arch, activation, attention, depthwise, grouped, layer_norm, pool};
use crate::random::{Keyed, Purpose};

/// An operation on square images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Conv {
        kernel: usize,
        stride: usize,
        padding: usize,
        side: usize,
        inputs: usize,
        outputs: usize,
    },
    Linear {
        tokens: usize,
        inputs: usize,
        outputs: usize,
    },
    Depthwise {
        side: usize,
        channels: usize,
    },
    Grouped {
        kernel: usize,
        stride: usize,
        padding: usize,
        side: usize,
        groups: usize,
        /// Of all groups.
        inputs: usize,
        outputs: usize,
    },
    /// Of no weights.
    Other(Operator),
}

/// Who computes them.
#[derive(Clone, Copy)]
pub(super) struct Operations {
    conv: fn(Tensor<4>, Tensor<4>, Tensor<1>, Tensor<1>, Option<Tensor<4>>, Options) -> Tensor<4>,
    grouped: fn(Tensor<4>, Tensor<4>, Tensor<1>, Option<Tensor<4>>, usize, Options) -> Tensor<4>,
    max_pool: fn(Tensor<4>) -> Tensor<4>,
    depthwise: fn(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4>,
    attention: fn(Tensor<4>, usize) -> Tensor<4>,
    layer_norm: fn(Tensor<4>, Tensor<1>, Tensor<1>, f32) -> Tensor<4>,
    activate: fn(Tensor<4>, activation::Activation) -> Tensor<4>,
}

impl Operations {
    /// The CPU's own kernels.
    pub const OWN: Self = Self {
        conv,
        grouped: grouped::grouped,
        max_pool: pool::max_pool,
        depthwise: depthwise::depthwise,
        attention: |qkv, heads| attention::attention(qkv, heads, None),
        layer_norm: layer_norm::layer_norm,
        activate: activation::activate,
    };
    /// Compositions of Burn's operations, on any device.
    pub const BURN: Self = Self {
        conv: composed::conv,
        grouped: composed::grouped,
        max_pool: pool::composed,
        depthwise: depthwise::composed,
        attention: |qkv, heads| attention::composed(qkv, heads, None),
        layer_norm: layer_norm::composed,
        activate: activation::composed,
    };
}

/// Each shape once, with its first layer and the number of its layers.
pub(super) fn of(arch: &Arch, side: usize) -> Vec<(String, usize, Shape)> {
    let mut found: Vec<(String, usize, Shape)> = Vec::new();
    let mut add = |layer: &str, shape| match found.iter_mut().find(|(.., known)| *known == shape) {
        Some((_, layers, _)) => *layers += 1,
        None => found.push((layer.to_owned(), 1, shape)),
    };
    for (stage, operator) in arch.operators(side) {
        let Operator::Linear(LinearMap { weight, stride, padding, side, tokens, groups }) = operator else {
            add(stage, Shape::Other(operator));
            continue;
        };
        let spec = &arch.parameters[weight];
        let layer = spec.name.trim_end_matches(".weight");
        match *spec.shape {
            [outputs, inputs, kernel, _] => {
                let inputs = groups * inputs;
                add(
                    layer,
                    match groups {
                        1 => Shape::Conv { kernel, stride, padding, side, inputs, outputs },
                        _ if groups == inputs => Shape::Depthwise { side, channels: inputs },
                        _ => Shape::Grouped { kernel, stride, padding, side, groups, inputs, outputs },
                    },
                );
            }
            [outputs, inputs] => add(layer, Shape::Linear { tokens, inputs, outputs }),
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
            Self::Linear { tokens, inputs, outputs } => {
                vec![batch * tokens * inputs, inputs * outputs, 1, outputs]
            }
            Self::Depthwise { side, channels } => {
                vec![batch * side * side * channels, depthwise::SIDE.pow(2) * channels, channels]
            }
            Self::Grouped { kernel, side, groups, inputs, outputs, .. } => {
                vec![batch * side * side * inputs, kernel * kernel * inputs / groups * outputs, outputs]
            }
            Self::Other(operator) => match operator {
                Operator::MaxPool { side, channels } => vec![batch * side * side * channels],
                Operator::Attention { tokens, heads, width } => vec![batch * tokens * 3 * heads * width],
                Operator::LayerNorm { positions, channels } => {
                    vec![batch * positions * channels, channels, channels]
                }
                Operator::Activation { values, .. } => vec![batch * values],
                Operator::Linear(_) => Vec::new(),
            },
        }
    }

    fn apply(&self, batch: usize, operands: &[Tensor<1>], operations: Operations) -> Tensor<4> {
        let operand = |number: usize| operands[number].clone();
        match *self {
            Self::Conv { kernel, stride, padding, side, inputs, outputs } => {
                let images = operand(0).reshape([batch, side, side, inputs]);
                let weights = operand(1).reshape([kernel, kernel, inputs, outputs]);
                let options = Options { stride, padding, relu: false };
                (operations.conv)(images, weights, operand(2), operand(3), None, options)
            }
            Self::Linear { tokens, inputs, outputs } => {
                let tokens = operand(0).reshape([batch, 1, tokens, inputs]);
                let weights = operand(1).reshape([1, 1, inputs, outputs]);
                (operations.conv)(tokens, weights, operand(2), operand(3), None, Options::POINTWISE)
            }
            Self::Depthwise { side, channels } => {
                let images = operand(0).reshape([batch, side, side, channels]);
                let weights = operand(1).reshape([depthwise::SIDE, depthwise::SIDE, 1, channels]);
                (operations.depthwise)(images, weights, operand(2))
            }
            Self::Grouped { kernel, stride, padding, side, groups, inputs, outputs } => {
                let images = operand(0).reshape([batch, side, side, inputs]);
                let weights = operand(1).reshape([kernel, kernel, inputs / groups, outputs]);
                let options = Options { stride, padding, relu: false };
                (operations.grouped)(images, weights, operand(2), None, groups, options)
            }
            Self::Other(operator) => match operator {
                Operator::MaxPool { side, channels } => {
                    (operations.max_pool)(operand(0).reshape([batch, side, side, channels]))
                }
                Operator::Attention { tokens, heads, width } => {
                    (operations.attention)(operand(0).reshape([batch, 1, tokens, 3 * heads * width]), heads)
                }
                Operator::LayerNorm { positions, channels } => {
                    let x = operand(0).reshape([batch, 1, positions, channels]);
                    (operations.layer_norm)(x, operand(1), operand(2), 1e-6)
                }
                Operator::Activation { activation, values } => {
                    (operations.activate)(operand(0).reshape([batch, 1, 1, values]), activation)
                }
                Operator::Linear(_) => operand(0).reshape([1, 1, 1, 1]),
            },
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
            Self::Conv { kernel, stride, side, inputs, outputs, .. } => write!(
                formatter,
                "convolution {kernel}x{kernel} stride {stride}, {inputs} to {outputs} channels, {side}x{side}"
            ),
            Self::Linear { tokens: 1, inputs, outputs } => write!(formatter, "linear, {inputs} to {outputs}"),
            Self::Linear { tokens, inputs, outputs } => {
                write!(formatter, "linear, {inputs} to {outputs}, {tokens} tokens")
            }
            Self::Depthwise { side, channels } => {
                write!(formatter, "depthwise convolution 7x7, {channels} channels, {side}x{side}")
            }
            Self::Grouped { kernel, stride, side, groups, inputs, outputs, .. } => write!(
                formatter,
                "convolution {kernel}x{kernel} stride {stride}, {inputs} to {outputs} channels in {groups} groups, {side}x{side}"
            ),
            Self::Other(operator) => match operator {
                Operator::MaxPool { side, channels } => {
                    write!(formatter, "max pooling, {channels} channels, {side}x{side}")
                }
                Operator::Attention { tokens, heads, width } => {
                    write!(formatter, "attention, {heads} heads of {width} channels, {tokens} tokens")
                }
                Operator::LayerNorm { positions, channels } => {
                    write!(formatter, "layer normalisation, {channels} channels, {positions} positions")
                }
                Operator::Activation { activation, values } => {
                    write!(formatter, "{activation:?}, {values} values")
                }
                Operator::Linear(_) => Ok(()),
            },
        }
    }
}
