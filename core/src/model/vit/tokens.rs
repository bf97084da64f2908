//! From images to tokens, `[batch, 1, tokens, channels]`, and from tokens to features.

use std::f32::consts::TAU;

use burn::tensor::{FloatDType, Tensor};

use crate::model::attention::Angles;
use crate::model::conv::{Options, conv};
use crate::model::layer::{Layer, LinearMap, Operator};
use crate::model::pass::Pass;

/// A linear layer over the pixels of each patch, as a convolution. Numbers are indices of parameters.
#[derive(Debug)]
pub struct PatchEmbed {
    pub weight: usize,
    pub bias: Option<usize>,
    /// Side of a patch, pixels.
    pub patch: usize,
}

impl Layer for PatchEmbed {
    fn forward(&self, images: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let options = Options { stride: self.patch, padding: 0, relu: false };
        let bias = self.bias.map_or_else(|| pass.zero(), |bias| pass.value(bias));
        let patches = conv(images, pass.weight(self.weight), pass.zero(), bias, None, options);
        let [batch, rows, columns, channels] = patches.dims();
        patches.reshape([batch, 1, rows * columns, channels])
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        LinearMap::convolution(self.weight, [self.patch, 0], side).add_to(list)
    }
}

/// Puts class token and registers before the patches, and adds the learned positions. Numbers are indices of parameters.
#[derive(Debug)]
pub struct Prepend {
    /// `[1, 1, channels]`
    pub class: Option<usize>,
    /// `[1, registers, channels]`
    pub register: Option<usize>,
    /// `[1, tokens, channels]`
    pub positions: Option<usize>,
    /// Whether there are positions for the tokens before the patches too.
    pub covers_prefix: bool,
}

impl Layer for Prepend {
    fn forward(&self, patches: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let [batch, .., channels] = patches.dims();
        let precision = FloatDType::from(patches.dtype());
        let tokens = |index: usize| pass.value(index).reshape([1, 1, -1, channels as i32]).cast(precision);
        let before = |patches: Tensor<4>| {
            let prefix = [self.class, self.register].into_iter().flatten();
            let mut parts: Vec<Tensor<4>> = prefix.map(|index| tokens(index).repeat_dim(0, batch)).collect();
            parts.push(patches);
            if parts.len() > 1 { Tensor::cat(parts, 2) } else { parts.remove(0) }
        };
        let placed = |x: Tensor<4>, positions: usize| {
            let positions = tokens(positions);
            assert_eq!(x.dims()[2], positions.dims()[2], "a position for each token");
            x + positions
        };
        match self.positions {
            None => before(patches),
            Some(positions) if self.covers_prefix => placed(before(patches), positions),
            Some(positions) => before(placed(patches, positions)),
        }
    }

    fn operators(&self, side: usize, _list: &mut Vec<Operator>) -> usize {
        side
    }
}

/// The features of an image: its class token, or the mean of its patches' tokens; `[batch, 1, 1, channels]`, in single precision.
#[derive(Debug)]
pub struct Pool {
    /// Tokens before the patches.
    pub prefix: usize,
    /// Whether the class token is taken.
    pub takes_class: bool,
}

impl Layer for Pool {
    fn forward(&self, x: Tensor<4>, _pass: &Pass) -> Tensor<4> {
        let tokens = x.dims()[2];
        match self.takes_class {
            true => x.narrow(2, 0, 1).cast(FloatDType::F32),
            false => x.narrow(2, self.prefix, tokens - self.prefix).cast(FloatDType::F32).mean_dim(2),
        }
    }

    fn operators(&self, _side: usize, _list: &mut Vec<Operator>) -> usize {
        1
    }
}

/// DINOv3's rotary positions of a square grid of patches, for heads of `width` channels: a quarter of them turns with the row, and
/// one with the column, of which the middles of the patches lie between -1 and 1. Tokens before the patches are not turned.
pub fn angles(grid: usize, prefix: usize, width: usize) -> Angles {
    const BASE: f32 = 100.0;
    let quarter = width / 4;
    let place = |index: usize| 2.0 * (index as f32 + 0.5) / grid as f32 - 1.0;
    let periods: Vec<f32> = (0..quarter).map(|i| BASE.powf(2.0 * i as f32 / (width / 2) as f32)).collect();
    let mut turns = vec![0.0; prefix * width / 2];
    for (row, column) in (0..grid).flat_map(|row| (0..grid).map(move |column| (row, column))) {
        for place in [place(row), place(column)] {
            turns.extend(periods.iter().map(|period| TAU * place / period));
        }
    }
    Angles {
        cosines: turns.iter().map(|turn| turn.cos()).collect(),
        sines: turns.iter().map(|turn| turn.sin()).collect(),
    }
}
