//! A network: an architecture with values on a device, and its forward pass.

use burn::tensor::{Device, Tensor, TensorData};

use super::arch::{Arch, Block};
use super::conv::{Options, conv};
use super::pool::max_pool;
use crate::checkpoint::{NamedTensor, StateDict};
use crate::error::{Error, Result};

/// An architecture with the values of its parameters.
#[derive(Debug, Clone)]
pub struct Network {
    /// The architecture.
    pub arch: Arch,
    /// Values of `arch.parameters`, flat; convolution weights as `[height, width, in, out]`.
    pub parameters: Vec<Tensor<1>>,
}

/// What the stages of a network put out, for the features that the paper compares.
#[derive(Debug)]
pub struct Activations {
    /// `conv1` (before its bias), `maxpool`, `layer1` to `layer4`: `[batch, height, width, channels]`.
    pub stages: Vec<(String, Tensor<4>)>,
    /// Means over positions, `[batch, channels]`.
    pub avgpool: Tensor<2>,
    /// `[batch, classes]`.
    pub logits: Tensor<2>,
}

impl Network {
    /// Puts the values of a state dict on a device.
    ///
    /// # Errors
    /// [`Error::Data`] naming the parameters that are missing, not known, or of another shape.
    pub fn new(arch: Arch, state: &StateDict, device: &Device) -> Result<Self> {
        check_names(&arch, state)?;
        let parameters = state_in_order(&arch, state)
            .map(|tensor| {
                let values = to_memory_layout(&tensor.shape, &tensor.data);
                let length = values.len();
                Tensor::from_data(TensorData::new(values, [length]), device)
            })
            .collect();
        Ok(Self { arch, parameters })
    }

    /// The values in PyTorch's names, order and layouts.
    pub fn state(&self) -> StateDict {
        let tensors = self.arch.parameters.iter().zip(&self.parameters).map(|(spec, values)| {
            let values: Vec<f32> = values.to_data().try_into_vec().expect("parameters are float32");
            NamedTensor {
                name: spec.name.clone(),
                shape: spec.shape.clone(),
                data: from_memory_layout(&spec.shape, &values),
            }
        });
        StateDict { tensors: tensors.collect() }
    }

    /// The same network with parameters that autodiff tracks.
    pub fn tracked(&self) -> Self {
        let track = |values: &Tensor<1>| Tensor::from_inner(values.clone()).require_grad();
        Self { arch: self.arch.clone(), parameters: self.parameters.iter().map(track).collect() }
    }

    /// # Shapes
    /// - images: `[batch, 3, height, width]`
    /// - result: `[batch, classes]`
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let stem = self.stem(images.permute([0, 2, 3, 1]));
        let last = self.arch.stages.iter().fold(max_pool(stem), |x, stage| self.stage(x, stage));
        self.head(mean_over_positions(last))
    }

    /// The forward pass, keeping what each stage puts out. Images: `[batch, 3, height, width]`.
    pub fn activations(&self, images: Tensor<4>) -> Activations {
        let images = images.permute([0, 2, 3, 1]);
        let zero = Tensor::zeros([1], &images.device());
        let raw = Options { stride: 2, padding: 3, relu: false };
        let conv1 = conv(images.clone(), self.weight(self.arch.stem[1]), zero.clone(), zero, None, raw);
        let mut x = max_pool(self.stem(images));
        let mut stages = vec![("conv1".to_owned(), conv1), ("maxpool".to_owned(), x.clone())];
        for (index, stage) in self.arch.stages.iter().enumerate() {
            x = self.stage(x, stage);
            stages.push((format!("layer{}", index + 1), x.clone()));
        }
        let avgpool = mean_over_positions(x);
        Activations { stages, logits: self.head(avgpool.clone()), avgpool }
    }

    fn stem(&self, images: Tensor<4>) -> Tensor<4> {
        let [bias, weight] = self.arch.stem;
        let options = Options { stride: 2, padding: 3, relu: true };
        let nothing = Tensor::zeros([1], &images.device());
        conv(images, self.weight(weight), nothing, self.parameters[bias].clone(), None, options)
    }

    fn stage(&self, x: Tensor<4>, blocks: &[Block]) -> Tensor<4> {
        blocks.iter().fold(x, |x, block| self.block(x, block))
    }

    /// `relu(scale * conv(... relu(conv(x + b1a) + b1b) ...) + bnb + way around)`.
    fn block(&self, x: Tensor<4>, block: &Block) -> Tensor<4> {
        let around = match block.downsample {
            None => x.clone(),
            Some(weight) => {
                let options = Options { stride: block.stride, padding: 0, relu: false };
                let nothing = Tensor::zeros([1], &x.device());
                let before = self.parameters[block.convs[0].before].clone();
                conv(x.clone(), self.weight(weight), before, nothing, None, options)
            }
        };
        let (last, inner) = block.convs.split_last().expect("a block has convolutions");
        let bias = |index: usize| self.parameters[index].clone();
        let options = |stride, padding| Options { stride, padding, relu: true };
        let x = inner.iter().fold(x, |x, layer| {
            let options = options(layer.stride, layer.padding);
            conv(x, self.weight(layer.weight), bias(layer.before), bias(layer.after), None, options)
        });
        // The scale belongs to the sums of the convolution: a convolution with scaled weights is the same.
        let weight = self.weight(last.weight) * bias(block.scale).reshape([1, 1, 1, 1]);
        conv(x, weight, bias(last.before), bias(last.after), Some(around), options(last.stride, last.padding))
    }

    fn head(&self, features: Tensor<2>) -> Tensor<2> {
        let [before, weight, bias] = self.arch.head;
        let classes = self.arch.classes;
        let weight = self.parameters[weight].clone().reshape([classes as i32, -1]);
        let features = features + self.parameters[before].clone().reshape([1, 1]);
        features.matmul(weight.transpose()) + self.parameters[bias].clone().reshape([1, classes])
    }

    fn weight(&self, index: usize) -> Tensor<4> {
        let shape = &self.arch.parameters[index].shape;
        self.parameters[index].clone().reshape([shape[2], shape[3], shape[1], shape[0]])
    }
}

fn mean_over_positions(x: Tensor<4>) -> Tensor<2> {
    let [batch, height, width, channels] = x.dims();
    x.reshape([batch, height * width, channels]).mean_dim(1).reshape([batch, channels])
}

fn state_in_order<'a>(arch: &'a Arch, state: &'a StateDict) -> impl Iterator<Item = &'a NamedTensor> {
    arch.parameters.iter().filter_map(|spec| state.get(&spec.name))
}

fn check_names(arch: &Arch, state: &StateDict) -> Result<()> {
    let expected = arch.parameters.iter().map(|spec| (spec.name.as_str(), spec.shape.as_slice()));
    let Some(problems) = state.mismatch(expected) else { return Ok(()) };
    Err(Error::data(format!(
        "the parameters do not fit {} with {} classes: {problems}; choose a checkpoint of this architecture or set model.arch",
        arch.name, arch.classes
    )))
}

/// `[out, in, height, width]` to `[height, width, in, out]`; other ranks stay.
pub fn to_memory_layout(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let [out, inputs, height, width] = *shape else { return values.to_vec() };
    transpose(values, out, inputs, height * width, |o, i, p| (p * inputs + i) * out + o)
}

/// `[height, width, in, out]` to `[out, in, height, width]`, the shape given; other ranks stay.
pub fn from_memory_layout(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let [out, inputs, height, width] = *shape else { return values.to_vec() };
    transpose(values, height * width, inputs, out, |p, i, o| (o * inputs + i) * height * width + p)
}

/// Writes element `[a, b, c]` of a row-major array to the place that `place(a, b, c)` names.
fn transpose(
    values: &[f32],
    first: usize,
    second: usize,
    third: usize,
    place: impl Fn(usize, usize, usize) -> usize,
) -> Vec<f32> {
    let mut moved = vec![0.0; values.len()];
    let mut values = values.iter();
    for a in 0..first {
        for b in 0..second {
            for (c, value) in (0..third).zip(&mut values) {
                moved[place(a, b, c)] = *value;
            }
        }
    }
    moved
}
