//! Batch normalisation as a layer, with PyTorch's names, and convolutions that it follows.

use burn::tensor::Tensor;

use super::conv::{Options, conv};
use super::family::Builder;
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
        let channels = [channels];
        Self {
            scale: builder.add(format!("{name}.weight"), &channels, Start::Constant(1.0)),
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
    norm: BatchNorm,
}

impl NormConv {
    /// Adds the weight `[out, in, side, side]`, which starts as told, and the parameters of the normalisation called `norm`.
    pub fn new(
        [conv, norm]: [&str; 2],
        shape: [usize; 4],
        stride: usize,
        start: Start,
        builder: &mut Builder,
    ) -> Self {
        Self {
            weight: builder.add(format!("{conv}.weight"), &shape, start),
            stride,
            padding: shape[2] / 2,
            norm: BatchNorm::new(norm, shape[0], builder),
        }
    }

    /// The convolution alone.
    pub fn plain(&self, x: Tensor<4>, pass: &Pass) -> Tensor<4> {
        let options = Options { stride: self.stride, padding: self.padding, relu: false };
        conv(x, pass.weight(self.weight), pass.zero(), pass.zero(), None, options)
    }

    /// `act(norm(conv(x)) + residual)`. Where the running statistics are used, they are folded into the convolution.
    pub fn apply(&self, x: Tensor<4>, pass: &Pass, residual: Option<Tensor<4>>, relu: bool) -> Tensor<4> {
        if !self.norm.uses_batch(pass) {
            let (factor, shift) = self.norm.folded(pass);
            let weight = pass.weight(self.weight) * factor.reshape([1, 1, 1, -1]);
            let options = Options { stride: self.stride, padding: self.padding, relu };
            return conv(x, weight, pass.zero(), shift, residual, options);
        }
        self.norm.apply(self.plain(x, pass), pass, residual, relu)
    }

    /// Adds its operator for square images of `side` pixels to a list; returns the side of its output.
    pub fn add_to(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        let Self { weight, stride, padding, .. } = *self;
        LinearMap { weight, stride, padding, side, tokens: 1 }.add_to(list)
    }
}

/// The first convolution, its normalisation and its ReLU.
#[derive(Debug)]
pub struct Stem(pub NormConv);

impl Layer for Stem {
    fn forward(&self, images: Tensor<4>, pass: &Pass) -> Tensor<4> {
        self.0.apply(images, pass, None, true)
    }

    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize {
        self.0.add_to(side, list)
    }

    /// The convolution alone.
    fn hooked(&self, images: &Tensor<4>, pass: &Pass) -> Option<Tensor<4>> {
        Some(self.0.plain(images.clone(), pass))
    }
}
