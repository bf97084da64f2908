//! DenseNets (Huang et al. 2017) with torchvision's names and initialisation; timm has the same names.

use burn::tensor::Tensor;

use super::batch_norm::{BatchNorm, NormConv, Stem};
use super::conv::{Options, conv};
use super::family::{Builder, Family};
use super::layer::{Layer, LinearMap, MaxPool, MeanPool, Operator};
use super::pass::Pass;
use super::pool::mean_of_squares;
use super::spec::Start;
use crate::error::Result;

/// `densenet121` to `densenet201`.
pub const FAMILY: Family =
    Family { names: &["densenet121", "densenet161", "densenet169", "densenet201"], build };

/// Channels that a layer adds, layers of each block, and channels after the stem.
const SIZES: [(usize, [usize; 4], usize); 4] = [
    (32, [6, 12, 24, 16], 64),
    (48, [6, 12, 36, 24], 96),
    (32, [6, 12, 32, 32], 64),
    (32, [6, 12, 48, 32], 64),
];
/// Channels between the two convolutions of a layer, as multiples of those that it adds.
const BOTTLENECK: usize = 4;

fn build(index: usize, builder: &mut Builder) -> Result<()> {
    let (growth, depths, mut channels) = SIZES[index];
    builder.at_least(29)?;
    let stem = [channels, 3, 7, 7];
    builder.stage("features.conv0", &[], |builder| {
        let last = NormConv::new(["features.conv0", "features.norm0"], stem, 2, start(stem), builder);
        Stem { before: Vec::new(), last }
    });
    builder.stage("features.pool0", &[], |_| MaxPool { channels });
    for (block, depth) in depths.into_iter().enumerate() {
        for layer in 1..=depth {
            let name = format!("features.denseblock{}.denselayer{layer}", block + 1);
            builder.next_layer();
            builder.stage(&name, &[], |builder| Dense::new(&name, channels, growth, builder));
            channels += growth;
        }
        builder.stage(&format!("features.denseblock{}", block + 1), &[], |_| Block);
        if block < 3 {
            let name = format!("features.transition{}", block + 1);
            builder.stage(&name, &[], |builder| Transition::new(&name, channels, builder));
            channels /= 2;
        }
    }
    builder.next_layer();
    builder.stage("features.norm5", &[], |builder| Last(BatchNorm::new("features.norm5", channels, builder)));
    builder.stage("global_pool", &[], |_| MeanPool);
    builder.classifier("classifier", channels, None, [Start::pytorch(channels), Start::Constant(0.0)]);
    let outline = ["conv0", "denseblock1", "denseblock2", "denseblock3", "denseblock4", "norm5"];
    builder.outline = outline.map(|stage| format!("features.{stage}")).to_vec();
    builder.outline.push("classifier".to_owned());
    Ok(())
}

/// He's initialisation for the fan in.
fn start([_, inputs, height, width]: [usize; 4]) -> Start {
    Start::Normal((2.0 / (inputs * height * width) as f64).sqrt())
}

/// Puts new channels behind those of its input: `conv2(relu(norm2(conv1(relu(norm1(x))))))`. Numbers are indices of parameters.
#[derive(Debug)]
struct Dense {
    norm: BatchNorm,
    inner: NormConv,
    weight: usize,
}

impl Dense {
    fn new(name: &str, inputs: usize, growth: usize, builder: &mut Builder) -> Self {
        let hidden = BOTTLENECK * growth;
        let norm = BatchNorm::new(&format!("{name}.norm1"), inputs, builder);
        let (shape, last) = ([hidden, inputs, 1, 1], [growth, hidden, 3, 3]);
        let names = [format!("{name}.conv1"), format!("{name}.norm2")];
        let inner = NormConv::new([&names[0], &names[1]], shape, 1, start(shape), builder);
        Self { norm, inner, weight: builder.add(format!("{name}.conv2.weight"), &last, start(last)) }
    }

    /// The new channels.
    fn grow(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let x = self.norm.apply(x, pass, None, true);
        let x = self.inner.apply(x, pass, None, true);
        let options = Options { stride: 1, padding: 1, relu: false };
        conv(x, pass.weight(self.weight), pass.zero(), pass.zero(), None, options)
    }
}

impl Layer for Dense {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let new = self.grow(x.clone(), pass);
        Tensor::cat(vec![x, new], 3)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        self.inner.add_to(side, list);
        LinearMap::convolution(self.weight, [1, 1], side).add_to(list)
    }

    /// The new channels alone.
    fn hooked(&self, x: &Tensor<4>, pass: &Pass) -> Option<Tensor<4>> {
        Some(self.grow(x.clone(), pass))
    }
}

/// The output of a block: all channels, those of its input and the new ones of each layer.
#[derive(Debug)]
struct Block;

impl Layer for Block {
    fn forward(&self, x: Tensor<4>, _pass: &Pass) -> Tensor<4> {
        x
    }

    fn operators(&self, side: usize, _list: &mut Vec<Operator>) -> usize {
        side
    }
}

/// Halves the channels, and then rows and columns: `mean(conv(relu(norm(x))))` over 2 x 2 pixels. Numbers are indices of parameters.
#[derive(Debug)]
struct Transition {
    norm: BatchNorm,
    weight: usize,
}

impl Transition {
    fn new(name: &str, inputs: usize, builder: &mut Builder) -> Self {
        let norm = BatchNorm::new(&format!("{name}.norm"), inputs, builder);
        let shape = [inputs / 2, inputs, 1, 1];
        Self { norm, weight: builder.add(format!("{name}.conv.weight"), &shape, start(shape)) }
    }
}

impl Layer for Transition {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let x = self.norm.apply(x, pass, None, true);
        let x = conv(x, pass.weight(self.weight), pass.zero(), pass.zero(), None, Options::POINTWISE);
        let [_, rows, columns, _] = x.dims();
        // A last row or column that has no other is left out.
        mean_of_squares(x.narrow(1, 0, rows / 2 * 2).narrow(2, 0, columns / 2 * 2))
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        LinearMap::convolution(self.weight, [1, 0], side).add_to(list);
        side / 2
    }
}

/// The last normalisation and its ReLU.
#[derive(Debug)]
struct Last(BatchNorm);

impl Layer for Last {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        self.0.apply(x, pass, None, true)
    }

    fn operators(&self, side: usize, _list: &mut Vec<Operator>) -> usize {
        side
    }

    /// The normalisation alone.
    fn hooked(&self, x: &Tensor<4>, pass: &Pass) -> Option<Tensor<4>> {
        Some(self.0.apply(x.clone(), pass, None, false))
    }
}
