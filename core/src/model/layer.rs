//! What a stage of a network does, and the layers that several families share.

use std::fmt::Debug;

use burn::tensor::{FloatDType, Tensor};

use super::activation::Activation;
use super::conv::{Options, conv};
use super::pass::Pass;
use super::pool::max_pool;

/// What a stage does. Its activations are grids of positions, `[batch, rows, columns, channels]`: an image as it is, a sequence of
/// tokens as one row, a vector as one position. So every stage follows every other, and features, prefix caches and rewinding
/// treat all alike, although a tensor's rank is part of its type.
pub trait Layer: Debug + Send + Sync {
    /// The forward pass.
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4>;

    /// Adds its operators for square images of `side` pixels, bottom to top; returns the side of its output.
    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize;

    /// What a forward hook on PyTorch's module of the stage's name is given, where that is not the output of [`Self::forward`],
    /// since the stage does more in the same pass.
    fn hooked(&self, _x: &Tensor<4>, _pass: &Pass) -> Option<Tensor<4>> {
        None
    }
}

/// An operator of a network on square images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// A convolution, or a linear layer.
    Linear(LinearMap),
    /// [`max_pool`].
    MaxPool {
        /// Channels of its input.
        channels: usize,
        /// Side of its square input, pixels.
        side: usize,
    },
    /// [`super::attention::attention`].
    Attention {
        /// Tokens of an image.
        tokens: usize,
        /// Heads.
        heads: usize,
        /// Channels of a head.
        width: usize,
    },
    /// [`super::layer_norm::layer_norm`].
    LayerNorm {
        /// Positions of an image.
        positions: usize,
        /// Channels of each.
        channels: usize,
    },
    /// [`super::activation::activate`].
    Activation {
        /// The function.
        activation: Activation,
        /// Values of an image.
        values: usize,
    },
}

/// A convolution or a linear layer, as a map of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearMap {
    /// Index of its weight.
    pub weight: usize,
    /// Distance between neighbouring windows.
    pub stride: usize,
    /// Rows and columns of zeros around its input.
    pub padding: usize,
    /// Side of its square input, pixels; 1 for a linear layer.
    pub side: usize,
    /// Tokens of an image that a linear layer maps, each by itself; 1 for a convolution.
    pub tokens: usize,
    /// Groups of channels that a convolution maps, each by itself; as many as channels where it is depthwise.
    pub groups: usize,
}

impl LinearMap {
    /// A convolution on a square input of `side` pixels.
    pub fn convolution(weight: usize, [stride, padding]: [usize; 2], side: usize) -> Self {
        Self { weight, stride, padding, side, tokens: 1, groups: 1 }
    }

    /// A linear layer over each of so many tokens.
    pub fn linear(weight: usize, tokens: usize) -> Self {
        Self { weight, stride: 1, padding: 0, side: 1, tokens, groups: 1 }
    }

    /// The same of groups of channels.
    pub fn of_groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// Side of its output: half of a kernel is padded, or patches do not overlap.
    pub fn output(&self) -> usize {
        self.side.div_ceil(self.stride)
    }

    /// Adds it to a list; returns the side of its output.
    pub fn add_to(self, list: &mut Vec<Operator>) -> usize {
        list.push(Operator::Linear(self));
        self.output()
    }
}

/// Max pooling over windows of 3 x 3 with stride 2.
#[derive(Debug)]
pub struct MaxPool {
    /// Channels of its input.
    pub channels: usize,
}

impl Layer for MaxPool {
    fn forward(&self, x: Tensor<4>, _pass: &Pass) -> Tensor<4> {
        max_pool(x)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        list.push(Operator::MaxPool { channels: self.channels, side });
        side.div_ceil(2)
    }
}

/// The mean over all positions, `[batch, 1, 1, channels]`, in single precision.
#[derive(Debug)]
pub struct MeanPool;

impl Layer for MeanPool {
    fn forward(&self, x: Tensor<4>, _pass: &Pass) -> Tensor<4> {
        let [batch, height, width, channels] = x.dims();
        let x = x.cast(FloatDType::F32).reshape([batch, height * width, channels]);
        x.mean_dim(1).reshape([batch, 1, 1, channels])
    }

    fn operators(&self, _side: usize, _list: &mut Vec<Operator>) -> usize {
        1
    }
}

/// A linear layer from features `[batch, 1, 1, channels]` to logits `[batch, 1, 1, classes]`. Numbers are indices of parameters.
#[derive(Debug)]
pub struct Classifier {
    /// A scalar that is added to the features (Fixup).
    pub before: Option<usize>,
    /// Weight, `[classes, channels]`.
    pub weight: usize,
    /// Bias, `[classes]`.
    pub bias: usize,
}

impl Layer for Classifier {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let before = self.before.map_or_else(|| pass.zero(), |before| pass.value(before));
        conv(x, pass.weight(self.weight), before, pass.value(self.bias), None, Options::POINTWISE)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        LinearMap::convolution(self.weight, [1, 0], side).add_to(list)
    }
}
