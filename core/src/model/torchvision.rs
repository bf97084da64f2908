//! ResNets with batch normalisation (He et al. 2016), ResNeXt, wide ResNets, and the deeper stems of He et al. (2019), with names,
//! strides and initialisation of torchvision and timm.

mod members;

use burn::tensor::Tensor;

use self::members::{NAMES, Plan, plan};
use super::batch_norm::{NormConv, NormConvPlan, Stem};
use super::family::{Builder, Family};
use super::layer::{Layer, MaxPool, MeanPool, Operator};
use super::pass::Pass;
use super::pool::mean_of_squares;
use super::resnet::{BlockPlan, ConvPlan, outline};
use super::spec::Start;
use crate::error::Result;

/// `torchvision/resnet18` to `torchvision/wide_resnet101_2`, and timm's `resnet10t` to `wide_resnet101_2`. Networks of the same name
/// have the same parameters in both; timm's blocks start as the identity.
pub const FAMILY: Family = Family { names: &NAMES, build };

fn build(index: usize, builder: &mut Builder) -> Result<()> {
    let (Plan { size, stem, averages }, is_torchvisions) = plan(index);
    // timm starts the last scale of each block at zero.
    let last = if is_torchvisions { 1.0 } else { 0.0 };
    builder.stage("conv1", &[], |builder| read_images(stem, size.stem(), builder));
    builder.stage("maxpool", &[], |_| MaxPool { channels: size.stem() });
    for plan in size.blocks() {
        builder.next_layer();
        builder.stage(&plan.name, &[], |builder| Block::new(&plan, averages, last, builder));
    }
    builder.next_layer();
    builder.stage("avgpool", &[], |_| MeanPool);
    builder.classifier("fc", size.features(), None, [Start::pytorch(size.features()); 2]);
    builder.outline = outline();
    Ok(())
}

/// The stem, whose last normalisation is called `bn1`.
fn read_images(stem: members::Stem, channels: usize, builder: &mut Builder) -> Stem {
    let conv = |[out, inputs, side]: [usize; 3], stride| ConvPlan {
        shape: [out, inputs, side, side],
        stride,
        groups: 1,
    };
    match stem {
        members::Stem::Plain => {
            let last = norm_conv(["conv1", "bn1"], conv([channels, 3, 7], 2), 1.0, builder);
            Stem { before: Vec::new(), last }
        }
        members::Stem::Deep([first, second]) => {
            let before =
                [(["conv1.0", "conv1.1"], [first, 3, 3], 2), (["conv1.3", "conv1.4"], [second, first, 3], 1)];
            let before =
                before.map(|(names, shape, stride)| norm_conv(names, conv(shape, stride), 1.0, builder));
            let last = norm_conv(["conv1.6", "bn1"], conv([channels, second, 3], 1), 1.0, builder);
            Stem { before: before.into(), last }
        }
    }
}

/// A convolution with He's initialisation for the fan out, and its normalisation, whose scale starts at a value.
fn norm_conv(names: [&str; 2], conv: ConvPlan, scale: f32, builder: &mut Builder) -> NormConv {
    let ConvPlan { shape, stride, groups } = conv;
    let [out, _, height, width] = shape;
    // PyTorch counts the outputs of all groups.
    let start = Start::Normal((2.0 / (out * height * width) as f64).sqrt());
    NormConv::planned(names, NormConvPlan { shape, stride, groups, start, scale }, builder)
}

/// A residual block: convolutions in sequence and a skip connection; the last ReLU follows the addition.
#[derive(Debug)]
struct Block {
    inner: Vec<NormConv>,
    last: NormConv,
    downsample: Option<Downsample>,
}

/// A skip connection between different shapes.
#[derive(Debug)]
struct Downsample {
    /// Whether means of 2 x 2 pixels come first.
    is_halved: bool,
    conv: NormConv,
}

impl Block {
    fn new(plan: &BlockPlan, averages: bool, last_scale: f32, builder: &mut Builder) -> Self {
        let (name, last) = (&plan.name, plan.convs.len() - 1);
        let mut conv = |(k, conv): (usize, &ConvPlan)| {
            let names = [&*format!("{name}.conv{}", k + 1), &format!("{name}.bn{}", k + 1)];
            norm_conv(names, *conv, if k == last { last_scale } else { 1.0 }, builder)
        };
        let inner = plan.convs[..last].iter().enumerate().map(&mut conv).collect();
        let last = conv((last, &plan.convs[last]));
        let downsample = plan.downsample.map(|conv| {
            let first = usize::from(averages);
            let names = [first, first + 1].map(|index| format!("{name}.downsample.{index}"));
            let stride = if averages { 1 } else { conv.stride };
            let is_halved = stride < conv.stride;
            let conv = norm_conv([&names[0], &names[1]], ConvPlan { stride, ..conv }, 1.0, builder);
            Downsample { is_halved, conv }
        });
        Self { inner, last, downsample }
    }
}

impl Downsample {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let x = if self.is_halved { mean_of_squares(even(x)) } else { x };
        self.conv.apply(x, pass, None, false)
    }
}

/// Repeats a last row and a last column that have no other: a mean over what there is.
fn even(x: Tensor<4>) -> Tensor<4> {
    [1, 2].into_iter().fold(x, |x, axis| match x.dims()[axis] {
        length if length.is_multiple_of(2) => x,
        length => Tensor::cat(vec![x.clone(), x.narrow(axis, length - 1, 1)], axis),
    })
}

impl Layer for Block {
    fn forward(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let skip = match &self.downsample {
            None => x.clone(),
            Some(downsample) => downsample.forward(x.clone(), pass),
        };
        let x = self.inner.iter().fold(x, |x, layer| layer.apply(x, pass, None, true));
        self.last.apply(x, pass, Some(skip), true)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        let convs = self.inner.iter().chain([&self.last]);
        let output = convs.fold(side, |side, conv| conv.add_to(side, list));
        if let Some(Downsample { is_halved, conv }) = &self.downsample {
            conv.add_to(if *is_halved { side.div_ceil(2) } else { side }, list);
        }
        output
    }
}
