//! Linear layers over channels, with what surrounds them in one pass.

use burn::tensor::Tensor;

use super::conv::{Options, conv};
use super::family::Builder;
use super::layer::{LinearMap, Operator};
use super::pass::Pass;
use super::spec::Start;

/// A linear layer over channels. Numbers are indices of parameters.
#[derive(Debug)]
pub struct Linear {
    weight: usize,
    bias: Option<usize>,
}

impl Linear {
    /// Adds its parameters: a weight `[out, in]` that starts as told, and a bias that starts at zero, if it has one.
    pub fn new(name: &str, shape: [usize; 2], has_bias: bool, start: Start, builder: &mut Builder) -> Self {
        let weight = builder.add(format!("{name}.weight"), &shape, start);
        let bias = has_bias.then(|| builder.add(format!("{name}.bias"), &shape[..1], Start::Constant(0.0)));
        Self { weight, bias }
    }

    /// As [`Self::new`] with a bias, for a weight that is kept as that of a convolution of 1 x 1, `[out, in, 1, 1]`.
    pub fn of_convolution(
        name: &str,
        [out, inputs]: [usize; 2],
        start: Start,
        builder: &mut Builder,
    ) -> Self {
        let weight = builder.add(format!("{name}.weight"), &[out, inputs, 1, 1], start);
        let bias = builder.add(format!("{name}.bias"), &[out], Start::Constant(0.0));
        Self { weight, bias: Some(bias) }
    }

    /// `[batch, rows, columns, in]` to `[batch, rows, columns, out]`.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        self.with_bias(x, pass, None)
    }

    /// As [`Self::forward`], with a bias from elsewhere if there is one.
    pub fn with_bias(&self, x: Tensor<4>, pass: &Pass, bias: Option<Tensor<1>>) -> Tensor<4> {
        let bias = bias.unwrap_or_else(|| self.bias(pass));
        conv(x, pass.weight(self.weight), pass.zero(), bias, None, Options::POINTWISE)
    }

    /// `residual + scale * linear(x)`; `scale` is the index of a factor for each output.
    pub fn added_to(
        &self,
        residual: Tensor<4>,
        x: Tensor<4>,
        scale: Option<usize>,
        pass: &Pass,
    ) -> Tensor<4> {
        let (mut weight, mut bias) = (pass.weight(self.weight), self.bias(pass));
        if let Some(scale) = scale {
            // Scaled outputs are those of scaled weights.
            let scale = pass.value(scale);
            weight = weight * scale.clone().reshape([1, 1, 1, -1]);
            bias = bias * scale;
        }
        conv(x, weight, pass.zero(), bias, Some(residual), Options::POINTWISE)
    }

    /// Adds its operator for images of so many tokens to a list.
    pub fn add_to(&self, tokens: usize, list: &mut Vec<Operator>) {
        LinearMap::linear(self.weight, tokens).add_to(list);
    }

    fn bias(&self, pass: &Pass) -> Tensor<1> {
        self.bias.map_or_else(|| pass.zero(), |bias| pass.value(bias))
    }
}
