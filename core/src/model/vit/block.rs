//! A block of a transformer: attention and a perceptron, each on normalised tokens and added to them (pre-norm).

use std::sync::Arc;

use burn::tensor::Tensor;

use super::members::{Gate, Plan, Positions, QkvBias};
use crate::model::activation::{Activation, activate};
use crate::model::attention::{Angles, attention};
use crate::model::family::Builder;
use crate::model::layer::{Layer, Operator};
use crate::model::layer_norm::LayerNorm;
use crate::model::linear::Linear;
use crate::model::pass::Pass;
use crate::model::spec::Start;

/// Linear layers start as timm's, with a standard deviation of 0.02.
pub(super) const START: Start = Start::Normal(0.02);

/// `x + scale1 * proj(attention(norm1(x)))`, then `x + scale2 * perceptron(norm2(x))`. Numbers are indices of parameters.
#[derive(Debug)]
pub struct Block {
    norms: [LayerNorm; 2],
    qkv: Linear,
    /// The biases of queries and values, where keys have none.
    some_biases: Option<[usize; 2]>,
    heads: usize,
    angles: Option<Arc<Angles>>,
    proj: Linear,
    scales: Option<[usize; 2]>,
    perceptron: Perceptron,
    tokens: usize,
    width: usize,
}

/// Two linear layers with an activation, or a gate, between them.
#[derive(Debug)]
pub(super) struct Perceptron {
    /// `fc1`, or `fc1_g` and `fc1_x`.
    first: Vec<Linear>,
    activation: Activation,
    gate: Gate,
    second: Linear,
    hidden: usize,
}

impl Block {
    pub fn new(
        name: &str,
        plan: &Plan,
        tokens: usize,
        angles: Option<Arc<Angles>>,
        builder: &mut Builder,
    ) -> Self {
        let Plan { width, heads, epsilon, .. } = *plan;
        let is_dinov3 = plan.positions == Positions::Rotary;
        let scale = |builder: &mut Builder, names: [&str; 2], which: usize| {
            let start = Start::Constant(plan.layer_scale?);
            Some(builder.add(format!("{name}.{}", names[which]), &[width], start))
        };
        // DINOv3 has the scales of both branches first.
        let early =
            [0, 1].map(|which| is_dinov3.then(|| scale(builder, ["gamma_1", "gamma_2"], which)).flatten());
        let late = |builder: &mut Builder, which: usize| {
            early[which].or_else(|| scale(builder, ["ls1.gamma", "ls2.gamma"], which))
        };

        let sizes = [tokens, width];
        let norm1 = LayerNorm::new(&format!("{name}.norm1"), sizes, epsilon, builder);
        let some_biases = (plan.qkv_bias == QkvBias::QueriesAndValues).then(|| {
            ["q_bias", "v_bias"]
                .map(|bias| builder.add(format!("{name}.attn.{bias}"), &[width], Start::Constant(0.0)))
        });
        let has_bias = plan.qkv_bias == QkvBias::All;
        let qkv = Linear::new(&format!("{name}.attn.qkv"), [3 * width, width], has_bias, START, builder);
        let proj = Linear::new(&format!("{name}.attn.proj"), [width, width], true, START, builder);
        let scale1 = late(builder, 0);
        let norm2 = LayerNorm::new(&format!("{name}.norm2"), sizes, epsilon, builder);
        let perceptron = Perceptron::new(&format!("{name}.mlp"), plan, builder);
        let scale2 = late(builder, 1);
        Self {
            norms: [norm1, norm2],
            qkv,
            some_biases,
            heads,
            angles,
            proj,
            scales: scale1.zip(scale2).map(|(one, two)| [one, two]),
            perceptron,
            tokens,
            width,
        }
    }

    fn attention(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let bias = self.some_biases.map(|[queries, values]| {
            let queries = pass.value(queries);
            let keys = queries.zeros_like();
            Tensor::cat(vec![queries, keys, pass.value(values)], 0)
        });
        attention(self.qkv.with_bias(x, pass, bias), self.heads, self.angles.clone())
    }
}

impl Layer for Block {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let [norm1, norm2] = &self.norms;
        let scale = |which: usize| self.scales.map(|scales| scales[which]);
        let branch = self.attention(norm1.forward(x.clone(), pass), pass);
        let x = self.proj.added_to(x, branch, scale(0), pass);
        let normal = norm2.forward(x.clone(), pass);
        self.perceptron.added_to(x, normal, scale(1), pass)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        let (tokens, width) = (self.tokens, self.width);
        let [norm1, norm2] = &self.norms;
        norm1.operators(side, list);
        self.qkv.add_to(tokens, list);
        list.push(Operator::Attention { tokens, heads: self.heads, width: width / self.heads });
        self.proj.add_to(tokens, list);
        norm2.operators(side, list);
        self.perceptron.add_to(tokens, list);
        side
    }
}

impl Perceptron {
    pub fn new(name: &str, plan: &Plan, builder: &mut Builder) -> Self {
        let Plan { width, hidden, activation, gate, .. } = *plan;
        let first: &[(&str, usize)] = match gate {
            Gate::None => &[("fc1", hidden)],
            Gate::Packed => &[("fc1", 2 * hidden)],
            Gate::Split => &[("fc1_g", hidden), ("fc1_x", hidden)],
        };
        let first = first.iter().map(|(layer, outputs)| {
            Linear::new(&format!("{name}.{layer}"), [*outputs, width], true, START, builder)
        });
        let first = first.collect();
        let second = Linear::new(&format!("{name}.fc2"), [width, hidden], true, START, builder);
        Self { first, activation, gate, second, hidden }
    }

    /// `residual + scale * perceptron(x)`; `scale` is the index of a factor for each channel.
    pub fn added_to(
        &self,
        residual: Tensor<4>,
        x: Tensor<4>,
        scale: Option<usize>,
        pass: &Pass,
    ) -> Tensor<4> {
        self.second.added_to(residual, self.hidden(x, pass), scale, pass)
    }

    /// Adds its operators for images of so many tokens to a list.
    pub fn add_to(&self, tokens: usize, list: &mut Vec<Operator>) {
        self.first.iter().for_each(|layer| layer.add_to(tokens, list));
        list.push(Operator::Activation { activation: self.activation, values: tokens * self.hidden });
        self.second.add_to(tokens, list);
    }

    /// What the second layer reads.
    fn hidden(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let values: Vec<Tensor<4>> = match self.gate {
            Gate::None | Gate::Split => {
                self.first.iter().map(|layer| layer.forward(x.clone(), pass)).collect()
            }
            Gate::Packed => self.first[0].forward(x, pass).chunk(2, 3),
        };
        let mut values = values.into_iter();
        let first = activate(values.next().expect("a perceptron has a first layer"), self.activation);
        values.fold(first, |gate, values| gate * values)
    }
}
