//! ResNets with batch normalisation (He et al. 2016), with torchvision's names, strides and initialisation.

use burn::tensor::Tensor;

use super::conv::{Options, conv};
use super::family::{Builder, Family};
use super::layer::{Layer, LinearMap, MaxPool, MeanPool, Operator};
use super::norm::{fold, moments, normalize, running};
use super::pass::Pass;
use super::resnet::{BlockPlan, ConvPlan, OUTLINE, SIZES, STEM_CHANNELS};
use super::spec::{Role, Start};

/// `torchvision/resnet18` to `torchvision/resnet152`.
pub const FAMILY: Family = Family {
    names: &[
        "torchvision/resnet18",
        "torchvision/resnet34",
        "torchvision/resnet50",
        "torchvision/resnet101",
        "torchvision/resnet152",
    ],
    outline: &OUTLINE,
    build,
};

fn build(index: usize, builder: &mut Builder) {
    let size = &SIZES[index];
    let plan = ConvPlan { shape: [STEM_CHANNELS, 3, 7, 7], stride: 2 };
    builder.stage("conv1", &[], |builder| NormConv::new("conv1", "bn1", plan, builder));
    builder.stage("maxpool", &[], |_| MaxPool { channels: STEM_CHANNELS });
    for plan in size.blocks() {
        builder.stage(&plan.name, &[], |builder| Block::new(&plan, builder));
    }
    builder.stage("avgpool", &[], |_| MeanPool);
    builder.classifier("fc", size.features(), None);
}

/// A convolution and the batch normalisation after it. Numbers are indices of parameters.
#[derive(Debug)]
struct NormConv {
    weight: usize,
    stride: usize,
    padding: usize,
    scale: usize,
    shift: usize,
    mean: usize,
    variance: usize,
    batches: usize,
}

impl NormConv {
    fn new(conv: &str, norm: &str, plan: ConvPlan, builder: &mut Builder) -> Self {
        let channels = [plan.shape[0]];
        Self {
            weight: builder.conv(format!("{conv}.weight"), plan.shape, 1.0),
            stride: plan.stride,
            padding: plan.shape[2] / 2,
            scale: builder.add(format!("{norm}.weight"), &channels, Start::Constant(1.0)),
            shift: builder.add(format!("{norm}.bias"), &channels, Start::Constant(0.0)),
            mean: builder.buffer(format!("{norm}.running_mean"), &channels, 0.0, Role::Statistic),
            variance: builder.buffer(format!("{norm}.running_var"), &channels, 1.0, Role::Statistic),
            batches: builder.buffer(format!("{norm}.num_batches_tracked"), &[], 0.0, Role::Count),
        }
    }

    /// The convolution alone.
    fn plain(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let options = Options { stride: self.stride, padding: self.padding, relu: false };
        conv(x, pass.weight(self.weight), pass.zero(), pass.zero(), None, options)
    }

    /// `act(norm(conv(x)) + residual)`. In training the batch is normalised by its own mean and variance, and the running ones are
    /// updated; in evaluation the running ones are folded into the convolution.
    fn apply(&self, x: Tensor<4>, pass: &Pass, residual: Option<Tensor<4>>, relu: bool) -> Tensor<4> {
        let (scale, shift) = (pass.value(self.scale), pass.value(self.shift));
        let (mean, variance) = (pass.value(self.mean), pass.value(self.variance));
        if !pass.is_training() {
            let (factor, shift) = fold(scale, shift, mean, variance);
            let weight = pass.weight(self.weight) * factor.reshape([1, 1, 1, -1]);
            let options = Options { stride: self.stride, padding: self.padding, relu };
            return conv(x, weight, pass.zero(), shift, residual, options);
        }
        let x = self.plain(x, pass);
        let moments = moments(x.clone().inner());
        let [batch, height, width, _] = x.dims();
        let count = batch * height * width;
        let [mean, variance] = running([mean.inner(), variance.inner()], &moments, count, pass.momentum());
        pass.record(self.mean, mean);
        pass.record(self.variance, variance);
        pass.record(self.batches, pass.value(self.batches).inner() + 1.0);
        normalize(x, scale, shift, Tensor::from_inner(moments), residual, relu)
    }
}

impl Layer for NormConv {
    fn forward(&self, images: Tensor<4>, pass: &Pass) -> Tensor<4> {
        self.apply(images, pass, None, true)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        LinearMap { weight: self.weight, stride: self.stride, side }.add_to(list)
    }

    /// The convolution alone.
    fn hooked(&self, images: &Tensor<4>, pass: &Pass) -> Option<Tensor<4>> {
        Some(self.plain(images.clone(), pass))
    }
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
            NormConv::new(&format!("{name}.conv{}", k + 1), &format!("{name}.bn{}", k + 1), *conv, builder)
        };
        let last = plan.convs.len() - 1;
        let inner = plan.convs[..last].iter().enumerate().map(&mut conv).collect();
        let last = conv((last, &plan.convs[last]));
        let downsample = |conv| {
            NormConv::new(&format!("{name}.downsample.0"), &format!("{name}.downsample.1"), conv, builder)
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
        let x = self.inner.iter().fold(x, |x, layer| layer.forward(x, pass));
        self.last.apply(x, pass, Some(skip), true)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        let convs = self.inner.iter().chain([&self.last]);
        let output = convs.fold(side, |side, conv| conv.operators(side, list));
        if let Some(downsample) = &self.downsample {
            downsample.operators(side, list);
        }
        output
    }
}
