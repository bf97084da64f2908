//! Features of an image by attention (timm's `AttentionPoolLatent`, the head of SigLIP; Zhai et al. 2022).

use burn::tensor::activation::softmax;
use burn::tensor::{FloatDType, Tensor};

use super::block::{Perceptron, START};
use super::members::Plan;
use crate::model::family::Builder;
use crate::model::layer::{Layer, Operator};
use crate::model::layer_norm::LayerNorm;
use crate::model::linear::Linear;
use crate::model::pass::Pass;
use crate::model::spec::Start;

/// `y = proj(attention of a learned query to all tokens)`, then `y + perceptron(norm(y))`; `[batch, 1, 1, channels]`, in single
/// precision.
#[derive(Debug)]
pub struct AttentionPool {
    /// Index of the query, `[1, 1, channels]`.
    latent: usize,
    query: Linear,
    keys_and_values: Linear,
    proj: Linear,
    norm: LayerNorm,
    perceptron: Perceptron,
    heads: usize,
    tokens: usize,
}

impl AttentionPool {
    pub fn new(plan: &Plan, tokens: usize, builder: &mut Builder) -> Self {
        let Plan { width, heads, epsilon, .. } = *plan;
        let start = Start::Normal((width as f64).powf(-0.5));
        let latent = builder.add("attn_pool.latent".to_owned(), &[1, 1, width], start);
        let linear = |name: &str, outputs: usize, builder: &mut Builder| {
            Linear::new(&format!("attn_pool.{name}"), [outputs, width], true, START, builder)
        };
        Self {
            latent,
            query: linear("q", width, builder),
            keys_and_values: linear("kv", 2 * width, builder),
            proj: linear("proj", width, builder),
            norm: LayerNorm::new("attn_pool.norm", [1, width], epsilon, builder),
            perceptron: Perceptron::new("attn_pool.mlp", plan, builder),
            heads,
            tokens,
        }
    }
}

impl Layer for AttentionPool {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let [batch, _, tokens, channels] = x.dims();
        let (heads, width) = (self.heads, channels / self.heads);
        let precision = FloatDType::from(x.dtype());
        let latent = pass.value(self.latent).reshape([1, 1, 1, channels]).cast(precision);
        let query = self.query.forward(latent, pass).reshape([1, heads, 1, width]).repeat_dim(0, batch);
        let parts = self.keys_and_values.forward(x, pass).reshape([batch, tokens, 2, heads, width]);
        let parts = parts.permute([2, 0, 3, 1, 4]);
        let [keys, values] =
            [0, 1].map(|part| parts.clone().narrow(0, part, 1).reshape([batch, heads, tokens, width]));
        let scores = query.matmul(keys.transpose()) * (width as f64).powf(-0.5);
        let shares = softmax(scores.cast(FloatDType::F32), 3).cast(precision);
        let attended = shares.matmul(values).reshape([batch, 1, 1, channels]);
        let y = self.proj.forward(attended, pass);
        let normal = self.norm.forward(y.clone(), pass);
        self.perceptron.added_to(y, normal, None, pass).cast(FloatDType::F32)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        self.query.add_to(1, list);
        self.keys_and_values.add_to(self.tokens, list);
        self.proj.add_to(1, list);
        self.norm.operators(side, list);
        self.perceptron.add_to(1, list);
        1
    }
}
