//! Fixup ResNets: scalar biases and a scale in place of normalisation (Zhang et al. 2019), with the reference's names.

use burn::tensor::Tensor;

use super::conv::{Options, conv};
use super::family::{Builder, Family, names};
use super::layer::{Layer, LinearMap, MaxPool, MeanPool, Operator};
use super::pass::Pass;
use super::resnet::{BlockPlan, STEM_CHANNELS, Size, outline};
use super::spec::Start;
use crate::error::Result;

/// `fixup_resnet18` to `fixup_resnet152`.
pub const FAMILY: Family = Family { names: &names(&MEMBERS), build };

const MEMBERS: [(&str, Size); 5] = [
    ("fixup_resnet18", Size::basic([2, 2, 2, 2])),
    ("fixup_resnet34", Size::basic([3, 4, 6, 3])),
    ("fixup_resnet50", Size::bottleneck([3, 4, 6, 3])),
    ("fixup_resnet101", Size::bottleneck([3, 4, 23, 3])),
    ("fixup_resnet152", Size::bottleneck([3, 8, 36, 3])),
];

fn build(index: usize, builder: &mut Builder) -> Result<()> {
    let (_, size) = &MEMBERS[index];
    let [bias1, bias2] = ["bias1", "bias2"].map(|name| scalar(builder, name.to_owned(), 0.0));
    builder.stage("conv1", &[bias1], |builder| Stem::new(bias1, builder));
    builder.stage("maxpool", &[], |_| MaxPool { channels: STEM_CHANNELS });
    let plans = size.blocks();
    let depth = plans.len();
    for plan in plans {
        builder.next_layer();
        builder.stage(&plan.name, &[], |builder| Block::new(&plan, depth, builder));
    }
    builder.next_layer();
    builder.stage("avgpool", &[], |_| MeanPool);
    builder.classifier("fc", size.features(), Some(bias2), [Start::pytorch(size.features()); 2]);
    builder.outline = outline();
    Ok(())
}

fn scalar(builder: &mut Builder, name: String, value: f32) -> usize {
    builder.add(name, &[1], Start::Constant(value))
}

/// The first convolution, and the bias and the ReLU after it. Numbers are indices of parameters.
#[derive(Debug)]
struct Stem {
    weight: usize,
    after: usize,
}

impl Stem {
    fn new(after: usize, builder: &mut Builder) -> Self {
        // It starts as PyTorch's convolutions do.
        let start = Start::pytorch(3 * 7 * 7);
        Self { weight: builder.add("conv1.weight".to_owned(), &[STEM_CHANNELS, 3, 7, 7], start), after }
    }

    fn conv(&self, images: Tensor<4>, pass: &Pass, after: Tensor<1>, relu: bool) -> Tensor<4> {
        let options = Options { stride: 2, padding: 3, relu };
        conv(images, pass.weight(self.weight), pass.zero(), after, None, options)
    }
}

impl Layer for Stem {
    fn forward(&self, images: Tensor<4>, pass: &Pass) -> Tensor<4> {
        self.conv(images, pass, pass.value(self.after), true)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        LinearMap::convolution(self.weight, [2, 3], side).add_to(list)
    }

    /// The convolution alone.
    fn hooked(&self, images: &Tensor<4>, pass: &Pass) -> Option<Tensor<4>> {
        Some(self.conv(images.clone(), pass, pass.zero(), false))
    }
}

/// A residual block: convolutions in sequence and a skip connection. Numbers are indices of parameters.
#[derive(Debug)]
struct Block {
    /// A ReLU follows each; of the last, after the skip connection is added.
    convs: Vec<Conv>,
    /// Factor of the last convolution.
    scale: usize,
    /// Weight and stride of the convolution in the skip connection, where shapes change. It shares the first input bias.
    downsample: Option<(usize, usize)>,
}

#[derive(Debug)]
struct Conv {
    weight: usize,
    /// Bias before it.
    before: usize,
    /// Bias after it.
    after: usize,
    stride: usize,
    padding: usize,
}

impl Block {
    fn new(plan: &BlockPlan, depth: usize, builder: &mut Builder) -> Self {
        let (name, last) = (&plan.name, plan.convs.len() - 1);
        let mut scale = 0;
        let biases: Vec<[usize; 2]> = (0..=last)
            .map(|k| {
                let before = scalar(builder, format!("{name}.bias{}a", k + 1), 0.0);
                if k == last {
                    scale = scalar(builder, format!("{name}.scale"), 1.0);
                }
                [before, scalar(builder, format!("{name}.bias{}b", k + 1), 0.0)]
            })
            .collect();
        // A block of m convolutions starts them smaller by depth^(-1 / (2 m - 2)), the last one at zero.
        let shrink = (depth as f64).powf(-1.0 / (2 * last) as f64);
        let convs = plan.convs.iter().zip(biases).enumerate().map(|(k, (conv, [before, after]))| {
            let factor = if k == last { 0.0 } else { shrink };
            let weight = builder.conv(format!("{name}.conv{}.weight", k + 1), conv.shape, factor);
            Conv { weight, before, after, stride: conv.stride, padding: conv.shape[2] / 2 }
        });
        let convs = convs.collect();
        let downsample = plan
            .downsample
            .map(|conv| (builder.conv(format!("{name}.downsample.weight"), conv.shape, 1.0), conv.stride));
        Self { convs, scale, downsample }
    }
}

impl Layer for Block {
    /// `relu(scale * conv(... relu(conv(x + b1a) + b1b) ...) + bnb + skip)`.
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let skip = match self.downsample {
            None => x.clone(),
            Some((weight, stride)) => {
                let options = Options { stride, padding: 0, relu: false };
                let before = pass.value(self.convs[0].before);
                conv(x.clone(), pass.weight(weight), before, pass.zero(), None, options)
            }
        };
        let (last, inner) = self.convs.split_last().expect("a block has convolutions");
        let surrounded = |x, layer: &Conv, weight, residual| {
            let options = Options { stride: layer.stride, padding: layer.padding, relu: true };
            conv(x, weight, pass.value(layer.before), pass.value(layer.after), residual, options)
        };
        let x = inner.iter().fold(x, |x, layer| surrounded(x, layer, pass.weight(layer.weight), None));
        // The scale belongs to the sums of the convolution: a convolution with scaled weights is the same.
        let weight = pass.weight(last.weight) * pass.value(self.scale).reshape([1, 1, 1, 1]);
        surrounded(x, last, weight, Some(skip))
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        let output = self.convs.iter().fold(side, |side, conv| {
            LinearMap::convolution(conv.weight, [conv.stride, conv.padding], side).add_to(list)
        });
        if let Some((weight, stride)) = self.downsample {
            LinearMap::convolution(weight, [stride, 0], side).add_to(list);
        }
        output
    }
}
