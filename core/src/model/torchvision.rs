//! ResNets with batch normalisation (He et al. 2016), with torchvision's names, strides and initialisation.

use burn::tensor::Tensor;

use super::batch_norm::{NormConv, Stem};
use super::family::{Builder, Family};
use super::layer::{Layer, MaxPool, MeanPool, Operator};
use super::pass::Pass;
use super::resnet::{BlockPlan, ConvPlan, SIZES, STEM_CHANNELS, outline};
use super::spec::Start;
use crate::error::Result;

/// `torchvision/resnet18` to `torchvision/resnet152`; timm calls networks of the same parameters `resnet18` to `resnet152`.
pub const FAMILY: Family = Family {
    names: &[
        "torchvision/resnet18",
        "torchvision/resnet34",
        "torchvision/resnet50",
        "torchvision/resnet101",
        "torchvision/resnet152",
        "resnet18",
        "resnet34",
        "resnet50",
        "resnet101",
        "resnet152",
    ],
    build,
};

fn build(index: usize, builder: &mut Builder) -> Result<()> {
    let size = &SIZES[index % SIZES.len()];
    let plan = ConvPlan { shape: [STEM_CHANNELS, 3, 7, 7], stride: 2 };
    builder.stage("conv1", &[], |builder| Stem(norm_conv(["conv1", "bn1"], plan, builder)));
    builder.stage("maxpool", &[], |_| MaxPool { channels: STEM_CHANNELS });
    for plan in size.blocks() {
        builder.stage(&plan.name, &[], |builder| Block::new(&plan, builder));
    }
    builder.stage("avgpool", &[], |_| MeanPool);
    builder.classifier("fc", size.features(), None, [Start::pytorch(size.features()); 2]);
    builder.outline = outline();
    Ok(())
}

/// A convolution with He's initialisation for the fan out, and its normalisation.
fn norm_conv(names: [&str; 2], plan: ConvPlan, builder: &mut Builder) -> NormConv {
    let [out, _, height, width] = plan.shape;
    let start = Start::Normal((2.0 / (out * height * width) as f64).sqrt());
    NormConv::new(names, plan.shape, plan.stride, start, builder)
}

/// A residual block: convolutions in sequence and a skip connection; the last ReLU follows the addition.
#[derive(Debug)]
struct Block {
    inner: Vec<NormConv>,
    last: NormConv,
    downsample: Option<NormConv>,
}

impl Block {
    fn new(plan: &BlockPlan, builder: &mut Builder) -> Self {
        let name = &plan.name;
        let mut conv = |(k, conv): (usize, &ConvPlan)| {
            norm_conv([&format!("{name}.conv{}", k + 1), &format!("{name}.bn{}", k + 1)], *conv, builder)
        };
        let last = plan.convs.len() - 1;
        let inner = plan.convs[..last].iter().enumerate().map(&mut conv).collect();
        let last = conv((last, &plan.convs[last]));
        let downsample = |conv| {
            norm_conv([&format!("{name}.downsample.0"), &format!("{name}.downsample.1")], conv, builder)
        };
        Self { inner, last, downsample: plan.downsample.map(downsample) }
    }
}

impl Layer for Block {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let skip = match &self.downsample {
            None => x.clone(),
            Some(downsample) => downsample.apply(x.clone(), pass, None, false),
        };
        let x = self.inner.iter().fold(x, |x, layer| layer.apply(x, pass, None, true));
        self.last.apply(x, pass, Some(skip), true)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        let convs = self.inner.iter().chain([&self.last]);
        let output = convs.fold(side, |side, conv| conv.add_to(side, list));
        if let Some(downsample) = &self.downsample {
            downsample.add_to(side, list);
        }
        output
    }
}
