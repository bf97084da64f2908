//! Batch normalisation as a layer, with PyTorch's names, and convolutions that it follows.

use burn::tensor::Tensor;

use super::conv::{Options, conv};
use super::family::Builder;
use super::grouped::grouped;
use super::layer::{Layer, LinearMap, Operator};
use super::norm::{fold, moments, normalize, running, scale_and_shift};
use super::pass::Pass;
use super::spec::{Role, Start};

/// Batch normalisation over channels. Numbers are indices of parameters.
#[derive(Debug)]
pub struct BatchNorm {
    scale: usize,
    shift: usize,
    mean: usize,
    variance: usize,
    batches: usize,
}

impl BatchNorm {
    /// Adds its parameters and running statistics.
    pub fn new(name: &str, channels: usize, builder: &mut Builder) -> Self {
        Self::with_scale(name, channels, 1.0, builder)
    }

    /// The same with a scale that starts at a value.
    fn with_scale(name: &str, channels: usize, scale: f32, builder: &mut Builder) -> Self {
        let channels = [channels];
        Self {
            scale: builder.add(format!("{name}.weight"), &channels, Start::Constant(scale)),
            shift: builder.add(format!("{name}.bias"), &channels, Start::Constant(0.0)),
            mean: builder.buffer(format!("{name}.running_mean"), &channels, 0.0, Role::Statistic),
            variance: builder.buffer(format!("{name}.running_var"), &channels, 1.0, Role::Statistic),
            batches: builder.buffer(format!("{name}.num_batches_tracked"), &[], 0.0, Role::Count),
        }
    }

    /// `act(norm(x) + residual)`. In training the batch is normalised by its own mean and variance, and the running ones are updated,
    /// unless it is frozen.
    pub fn apply(&self, x: Tensor<4>, pass: &Pass, residual: Option<Tensor<4>>, relu: bool) -> Tensor<4> {
        if !self.uses_batch(pass) {
            let (factor, shift) = self.folded(pass);
            return scale_and_shift(x, factor, shift, residual, relu);
        }
        let moments = moments(x.clone().inner());
        let [batch, height, width, _] = x.dims();
        let count = batch * height * width;
        let old = [self.mean, self.variance].map(|index| pass.value(index).inner());
        let [mean, variance] = running(old, &moments, count, pass.momentum());
        pass.record(self.mean, mean);
        pass.record(self.variance, variance);
        pass.record(self.batches, pass.value(self.batches).inner() + 1.0);
        let (scale, shift) = (pass.value(self.scale), pass.value(self.shift));
        normalize(x, scale, shift, Tensor::from_inner(moments), residual, relu)
    }

    /// Whether a pass normalises by the statistics of its batch.
    fn uses_batch(&self, pass: &Pass) -> bool {
        pass.is_training() && !pass.is_frozen(self.scale)
    }

    /// What the running statistics come to, `x * factor + shift`.
    fn folded(&self, pass: &Pass) -> (Tensor<1>, Tensor<1>) {
        let [scale, shift, mean, variance] =
            [self.scale, self.shift, self.mean, self.variance].map(|index| pass.value(index));
        fold(scale, shift, mean, variance)
    }
}

/// A convolution and the batch normalisation after it. Numbers are indices of parameters.
#[derive(Debug)]
pub struct NormConv {
    weight: usize,
    stride: usize,
    padding: usize,
    groups: usize,
    norm: BatchNorm,
}

/// A convolution that a normalisation follows.
#[derive(Debug, Clone, Copy)]
pub struct NormConvPlan {
    /// `[out, in / groups, side, side]` of its weight.
    pub shape: [usize; 4],
    /// Distance between neighbouring windows.
    pub stride: usize,
    /// Groups of channels.
    pub groups: usize,
    /// How the weight starts.
    pub start: Start,
    /// Where the scale of the normalisation starts.
    pub scale: f32,
}

impl NormConv {
    /// Adds the weight `[out, in, side, side]`, which starts as told, and the parameters of the normalisation called `norm`.
    pub fn new(
        names: [&str; 2],
        shape: [usize; 4],
        stride: usize,
        start: Start,
        builder: &mut Builder,
    ) -> Self {
        Self::planned(names, NormConvPlan { shape, stride, groups: 1, start, scale: 1.0 }, builder)
    }

    /// Adds the weight and the parameters of the normalisation called `norm`.
    pub fn planned([conv, norm]: [&str; 2], plan: NormConvPlan, builder: &mut Builder) -> Self {
        let NormConvPlan { shape, stride, groups, start, scale } = plan;
        Self {
            weight: builder.add(format!("{conv}.weight"), &shape, start),
            stride,
            padding: shape[2] / 2,
            groups,
            norm: BatchNorm::with_scale(norm, shape[0], scale, builder),
        }
    }

    /// The convolution alone.
    pub fn plain(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        self.convolved(x, pass.weight(self.weight), pass.zero(), None, false, pass)
    }

    /// `act(conv(x) + bias + residual)` with a weight like its own.
    fn convolved(
        &self,
        x: Tensor<4>,
        weight: Tensor<4>,
        bias: Tensor<1>,
        residual: Option<Tensor<4>>,
        relu: bool,
        pass: &Pass,
    ) -> Tensor<4> {
        let options = Options { stride: self.stride, padding: self.padding, relu };
        match self.groups {
            1 => conv(x, weight, pass.zero(), bias, residual, options),
            groups => grouped(x, weight, bias, residual, groups, options),
        }
    }

    /// `act(norm(conv(x)) + residual)`. Where the running statistics are used, they are folded into the convolution.
    pub fn apply(&self, x: Tensor<4>, pass: &Pass, residual: Option<Tensor<4>>, relu: bool) -> Tensor<4> {
        if !self.norm.uses_batch(pass) {
            let (factor, shift) = self.norm.folded(pass);
            let weight = pass.weight(self.weight) * factor.reshape([1, 1, 1, -1]);
            return self.convolved(x, weight, shift, residual, relu, pass);
        }
        self.norm.apply(self.plain(x, pass), pass, residual, relu)
    }

    /// Adds its operator for square images of `side` pixels to a list; returns the side of its output.
    pub fn add_to(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        let Self { weight, stride, padding, groups, .. } = *self;
        LinearMap::convolution(weight, [stride, padding], side).of_groups(groups).add_to(list)
    }
}

/// Convolutions on images, each with its normalisation and its ReLU.
#[derive(Debug)]
pub struct Stem {
    /// All but the last.
    pub before: Vec<NormConv>,
    /// The last.
    pub last: NormConv,
}

impl Stem {
    /// What the last convolution reads.
    fn below(&self, images: Tensor<4>, pass: &Pass) -> Tensor<4> {
        self.before.iter().fold(images, |x, layer| layer.apply(x, pass, None, true))
    }
}

impl Layer for Stem {
    fn forward(&self, images: Tensor<4>, pass: &Pass) -> Tensor<4> {
        self.last.apply(self.below(images, pass), pass, None, true)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        self.before.iter().chain([&self.last]).fold(side, |side, layer| layer.add_to(side, list))
    }

    /// Without the last normalisation.
    fn hooked(&self, images: &Tensor<4>, pass: &Pass) -> Option<Tensor<4>> {
        Some(self.last.plain(self.below(images.clone(), pass), pass))
    }
}
