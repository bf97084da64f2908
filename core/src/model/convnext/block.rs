//! A block of ConvNeXt: a depthwise convolution, a layer normalisation and a perceptron, added to the input.

use burn::tensor::{FloatDType, Tensor};

use super::members::Plan;
use super::{EPSILON, START};
use crate::model::activation::{Activation, activate};
use crate::model::depthwise::{SIDE, depthwise};
use crate::model::family::Builder;
use crate::model::layer::{Layer, LinearMap, Operator};
use crate::model::layer_norm::LayerNorm;
use crate::model::linear::Linear;
use crate::model::pass::Pass;
use crate::model::spec::Start;

/// Start of the learned factors of the branch (V1).
const LAYER_SCALE: f32 = 1e-6;

/// `x + gamma * perceptron(norm(depthwise(x)))`. Numbers are indices of parameters.
#[derive(Debug)]
pub struct Block {
    gamma: Option<usize>,
    weight: usize,
    bias: usize,
    norm: LayerNorm,
    first: Linear,
    response: Option<ResponseNorm>,
    second: Linear,
    width: usize,
}

impl Block {
    pub fn new(name: &str, width: usize, plan: &Plan, builder: &mut Builder) -> Self {
        let zero = Start::Constant(0.0);
        let gamma = (!plan.is_v2)
            .then(|| builder.add(format!("{name}.gamma"), &[width], Start::Constant(LAYER_SCALE)));
        let weight = builder.add(format!("{name}.conv_dw.weight"), &[width, 1, SIDE, SIDE], START);
        let bias = builder.add(format!("{name}.conv_dw.bias"), &[width], zero);
        let norm = LayerNorm::new(&format!("{name}.norm"), [0, width], EPSILON, builder);
        let linear = |layer: &str, shape: [usize; 2], builder: &mut Builder| {
            let name = format!("{name}.mlp.{layer}");
            match plan.has_convolutions {
                true => Linear::of_convolution(&name, shape, START, builder),
                false => Linear::new(&name, shape, true, START, builder),
            }
        };
        let hidden = 4 * width;
        let first = linear("fc1", [hidden, width], builder);
        let response = plan.is_v2.then(|| ResponseNorm {
            weight: builder.add(format!("{name}.mlp.grn.weight"), &[hidden], zero),
            bias: builder.add(format!("{name}.mlp.grn.bias"), &[hidden], zero),
        });
        let second = linear("fc2", [width, hidden], builder);
        Self { gamma, weight, bias, norm, first, response, second, width }
    }
}

impl Layer for Block {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let branch = depthwise(x.clone(), pass.weight(self.weight), pass.value(self.bias));
        let branch = self.first.forward(self.norm.forward(branch, pass), pass);
        let branch = activate(branch, Activation::Gelu);
        let branch = match &self.response {
            Some(response) => response.forward(branch, pass),
            None => branch,
        };
        self.second.added_to(x, branch, self.gamma, pass)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        let positions = side * side;
        LinearMap::convolution(self.weight, [1, SIDE / 2], side).of_groups(self.width).add_to(list);
        self.norm.add_to(positions, list);
        self.first.add_to(positions, list);
        list.push(Operator::Activation { activation: Activation::Gelu, values: positions * 4 * self.width });
        self.second.add_to(positions, list);
        side
    }
}

/// Global response normalisation (Woo et al. 2023): each channel times its norm over positions, relative to the mean norm of all
/// channels. Numbers are indices of parameters.
#[derive(Debug)]
struct ResponseNorm {
    weight: usize,
    bias: usize,
}

impl ResponseNorm {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let precision = FloatDType::from(x.dtype());
        let x = x.cast(FloatDType::F32);
        let [batch, height, width, channels] = x.dims();
        let squares = x.clone().square().reshape([batch, height * width, channels]).sum_dim(1);
        // As PyTorch's norm, a root of zero has the gradient zero.
        let norms = squares.clamp_min(f32::MIN_POSITIVE).sqrt().reshape([batch, 1, 1, channels]);
        let relative = norms.clone() / (norms.mean_dim(3) + f64::from(EPSILON));
        let factor = relative * pass.value(self.weight).reshape([1, 1, 1, channels]) + 1.0;
        (x * factor + pass.value(self.bias).reshape([1, 1, 1, channels])).cast(precision)
    }
}
