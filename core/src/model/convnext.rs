//! ConvNeXt (Liu et al. 2022) and ConvNeXt V2 (Woo et al. 2023) with timm's names.

mod block;
mod members;

use burn::tensor::Tensor;

use self::block::Block;
use self::members::{MEMBERS, NAMES, Plan};
use super::conv::{Options, conv};
use super::family::{Builder, Family};
use super::layer::{Layer, LinearMap, MeanPool, Operator};
use super::layer_norm::LayerNorm;
use super::pass::Pass;
use super::spec::Start;
use crate::error::Result;

/// `convnext_tiny`, `convnextv2_tiny` and their kin.
pub const FAMILY: Family = Family { names: &NAMES, build };

/// Added to variances.
const EPSILON: f32 = 1e-6;
/// Convolutions and linear layers start as timm's, with a standard deviation of 0.02.
const START: Start = Start::Normal(0.02);

fn build(index: usize, builder: &mut Builder) -> Result<()> {
    let plan = &MEMBERS[index].1;
    let Plan { depths, widths, .. } = *plan;
    builder.at_least(32)?;
    builder.stage("stem", &[], |builder| Patches {
        conv: Conv::new("stem.0", [widths[0], 3, 4], builder),
        norm: LayerNorm::new("stem.1", [0, widths[0]], EPSILON, builder),
        is_normalised_first: false,
    });
    for (stage, (depth, width)) in depths.into_iter().zip(widths).enumerate() {
        if stage > 0 {
            builder.next_layer();
            let name = format!("stages.{stage}.downsample");
            let inputs = widths[stage - 1];
            builder.stage(&name, &[], |builder| {
                let norm = LayerNorm::new(&format!("{name}.0"), [0, inputs], EPSILON, builder);
                let conv = Conv::new(&format!("{name}.1"), [width, inputs, 2], builder);
                Patches { conv, norm, is_normalised_first: true }
            });
        }
        for block in 0..depth {
            let name = format!("stages.{stage}.blocks.{block}");
            // The first block of a later stage belongs to what halves its images.
            if stage == 0 || block > 0 {
                builder.next_layer();
            }
            builder.stage(&name, &[], |builder| Block::new(&name, width, plan, builder));
        }
    }
    let width = widths[3];
    builder.next_layer();
    builder.stage("head.global_pool", &[], |_| MeanPool);
    builder.stage("head.norm", &[], |builder| LayerNorm::new("head.norm", [1, width], EPSILON, builder));
    builder.classifier("head.fc", width, None, [START, Start::Constant(0.0)]);
    let stages = (0..4).map(|stage| format!("stages.{stage}.blocks"));
    let all = std::iter::once("stem".to_owned()).chain(stages);
    builder.outline = all.chain(["head.norm", "head.fc"].map(str::to_owned)).collect();
    Ok(())
}

/// A convolution whose windows do not overlap, with a layer normalisation before or after it.
#[derive(Debug)]
struct Patches {
    conv: Conv,
    norm: LayerNorm,
    is_normalised_first: bool,
}

/// Windows of `side` pixels and a bias. Numbers are indices of parameters.
#[derive(Debug)]
struct Conv {
    weight: usize,
    bias: usize,
    side: usize,
}

impl Conv {
    fn new(name: &str, [outputs, inputs, side]: [usize; 3], builder: &mut Builder) -> Self {
        Self {
            weight: builder.add(format!("{name}.weight"), &[outputs, inputs, side, side], START),
            bias: builder.add(format!("{name}.bias"), &[outputs], Start::Constant(0.0)),
            side,
        }
    }

    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let options = Options { stride: self.side, padding: 0, relu: false };
        conv(x, pass.weight(self.weight), pass.zero(), pass.value(self.bias), None, options)
    }
}

impl Layer for Patches {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        match self.is_normalised_first {
            true => self.conv.forward(self.norm.forward(x, pass), pass),
            false => self.norm.forward(self.conv.forward(x, pass), pass),
        }
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        let Conv { weight, side: stride, .. } = self.conv;
        let map = LinearMap::convolution(weight, [stride, 0], side);
        if self.is_normalised_first {
            self.norm.add_to(side * side, list);
        }
        map.add_to(list);
        // Pixels that fill no window are left out.
        let output = side / stride;
        if !self.is_normalised_first {
            self.norm.add_to(output * output, list);
        }
        output
    }
}
