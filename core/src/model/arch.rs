//! Architectures: what values a network has, in PyTorch's names and order, and the layers that compute with them.

use std::fmt::Debug;
use std::sync::Arc;

use burn::tensor::Tensor;

use super::network::Pass;
use super::{fixup, torchvision};
use crate::error::{Error, Result};

/// All families. Another one is a file, and its line here.
const FAMILIES: [Family; 2] = [fixup::FAMILY, torchvision::FAMILY];

/// Architectures that are built by the same rules.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The names of its members.
    pub names: &'static [&'static str],
    /// Builds the member `names[index]` for a number of classes, adding its parameters to the list.
    pub build: fn(index: usize, classes: usize, list: &mut SpecList) -> Layers,
}

/// A network without values.
#[derive(Debug, Clone)]
pub struct Arch {
    /// Name, such as `fixup_resnet50`.
    pub name: String,
    /// Outputs of the last layer.
    pub classes: usize,
    /// All parameters and running statistics, in the order of PyTorch's state dict.
    pub parameters: Vec<Spec>,
    /// What computes with them.
    pub layers: Layers,
}

/// The layers of a network, bottom to top. Numbers are indices of parameters.
#[derive(Debug, Clone)]
pub struct Layers {
    /// Weight of the first convolution.
    pub conv1: usize,
    /// The first convolution and what follows it, up to the max pooling.
    pub stem: Arc<dyn Layer>,
    /// Names of the residual blocks, such as `layer1.0`, and the blocks.
    pub blocks: Vec<(String, Arc<dyn Layer>)>,
    /// The last layer, after the mean over positions.
    pub head: Head,
}

/// A part of a network with parameters of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module<'a> {
    /// Its name, such as `layer1.0`.
    pub name: &'a str,
    /// Indices of its parameters and running statistics.
    pub parameters: Vec<usize>,
}

/// A part of a network that maps images to images.
pub trait Layer: Debug + Send + Sync {
    /// `[batch, height, width, channels]` to the same, with other sizes.
    fn forward(&self, images: Tensor<4>, pass: &Pass) -> Tensor<4>;

    /// Adds its convolutions for square images of `side` pixels; returns the side of what it puts out.
    fn operators(&self, side: usize, list: &mut Vec<Operator>) -> usize;
}

/// A convolution or the linear layer, as a map of what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// Index of its weight.
    pub weight: usize,
    /// Distance between neighbouring windows.
    pub stride: usize,
    /// Side of its square input, pixels; 1 for the linear layer.
    pub side: usize,
}

impl Operator {
    /// Side of its output: kernels have odd sides, and half of them is padded.
    pub fn output(&self) -> usize {
        self.side.div_ceil(self.stride)
    }
}

/// The last, linear layer. Numbers are indices of parameters.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Bias before it.
    pub before: Option<usize>,
    /// Weight, `[classes, channels]`.
    pub weight: usize,
    /// Bias.
    pub bias: usize,
}

/// One tensor of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// PyTorch's name, without `module.`.
    pub name: String,
    /// PyTorch's shape: `[out, in, height, width]`, `[out, in]`, `[size]` or `[]`.
    pub shape: Vec<usize>,
    /// How it starts.
    pub start: Start,
    /// What changes it.
    pub role: Role,
}

impl Spec {
    /// Whether gradient descent changes it.
    pub fn is_trained(&self) -> bool {
        self.role == Role::Trained
    }
}

/// What changes a tensor of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Gradient descent.
    Trained,
    /// The forward pass in training; a floating-point number that interpolates like a parameter.
    Statistic,
    /// The forward pass in training; an integer in PyTorch, which takes no part in interpolation and distances.
    Count,
}

/// The distribution a tensor starts from (PAPER section 2.1; Fixup, section 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// A constant.
    Constant(f32),
    /// Normal with this standard deviation.
    Normal(f64),
    /// Uniform in plus and minus this bound.
    Uniform(f64),
}

impl Arch {
    /// The names of all architectures.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FAMILIES.iter().flat_map(|family| family.names.iter().copied())
    }

    /// The architecture `name` for `classes` outputs.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such architecture.
    pub fn new(name: &str, classes: usize) -> Result<Self> {
        let found = FAMILIES
            .iter()
            .find_map(|family| Some((family, family.names.iter().position(|known| *known == name)?)));
        let Some((family, index)) = found else {
            let known: Vec<_> = Self::names().collect();
            return Err(Error::usage(format!(
                "unknown architecture {name}; set model.arch to one of {}",
                known.join(", ")
            )));
        };
        let mut list = SpecList(Vec::new());
        let layers = (family.build)(index, classes, &mut list);
        Ok(Self { name: name.to_owned(), classes, parameters: list.0, layers })
    }

    /// The modules of the paper's Figure 5, bottom to top: `conv1` (all of the stem), `layer1.0` ... `fc` (all of the head).
    /// Each parameter belongs to one.
    pub fn modules(&self) -> Vec<Module<'_>> {
        let Layers { blocks, head, .. } = &self.layers;
        let names = blocks.iter().map(|(name, _)| name.as_str());
        let module = |name| Module { name, parameters: Vec::new() };
        let mut modules: Vec<Module> =
            std::iter::once("conv1").chain(names).chain(["fc"]).map(module).collect();
        let last = modules.len() - 1;
        for (index, spec) in self.parameters.iter().enumerate() {
            let is_head = head.before == Some(index) || head.weight == index || head.bias == index;
            let within = |(name, _): &(String, _)| {
                spec.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
            };
            let block = blocks.iter().position(within).map_or(0, |block| block + 1);
            modules[if is_head { last } else { block }].parameters.push(index);
        }
        modules
    }

    /// The places where features can be taken, bottom to top: `conv1` (the convolution alone), `maxpool`, `layer1.0` ...
    /// `avgpool`, `fc`.
    pub fn outputs(&self) -> Vec<&str> {
        let blocks = self.layers.blocks.iter().map(|(name, _)| name.as_str());
        ["conv1", "maxpool"].into_iter().chain(blocks).chain(["avgpool", "fc"]).collect()
    }

    /// The place in [`Self::outputs`] of a name, where a stage such as `layer1` is its last block.
    pub fn output(&self, name: &str) -> Option<usize> {
        let is_meant = |output: &&str| {
            *output == name || output.rsplit_once('.').is_some_and(|(stage, _)| stage == name)
        };
        self.outputs().iter().rposition(is_meant)
    }

    /// All convolutions and the linear layer, bottom to top, for square images of `side` pixels.
    pub fn operators(&self, side: usize) -> Vec<Operator> {
        let Layers { stem, blocks, head, .. } = &self.layers;
        let mut list = Vec::new();
        // The max pooling after the stem halves.
        let pooled = stem.operators(side, &mut list).div_ceil(2);
        blocks.iter().fold(pooled, |side, (_, block)| block.operators(side, &mut list));
        list.push(Operator { weight: head.weight, stride: 1, side: 1 });
        list
    }

    /// What gradient descent changes, in order.
    pub fn trained(&self) -> impl Iterator<Item = &Spec> + Clone {
        self.parameters.iter().filter(|spec| spec.is_trained())
    }

    /// Whether a parameter belongs to the head, which fine-tuning does not take over.
    pub fn is_head(name: &str) -> bool {
        name.starts_with("fc.")
    }
}

/// The tensors of an architecture that is being built. Each addition returns the index of what was added.
#[derive(Debug)]
pub struct SpecList(Vec<Spec>);

impl SpecList {
    /// A parameter.
    pub fn add(&mut self, name: String, shape: &[usize], start: Start) -> usize {
        self.push(name, shape, start, Role::Trained)
    }

    /// A statistic or a counter, which starts at `value`.
    pub fn buffer(&mut self, name: String, shape: &[usize], value: f32, role: Role) -> usize {
        self.push(name, shape, Start::Constant(value), role)
    }

    /// A convolution `[out, in, height, width]` with He's initialisation for the fan out, times `factor`.
    pub fn conv(&mut self, name: String, shape: [usize; 4], factor: f64) -> usize {
        let [out, _, height, width] = shape;
        let deviation = (2.0 / (out * height * width) as f64).sqrt() * factor;
        let start = if factor == 0.0 { Start::Constant(0.0) } else { Start::Normal(deviation) };
        self.add(name, &shape, start)
    }

    /// A linear layer `fc` that starts as PyTorch's; weight and bias.
    pub fn linear(&mut self, inputs: usize, classes: usize) -> [usize; 2] {
        let start = Start::Uniform((inputs as f64).powf(-0.5));
        let weight = self.add("fc.weight".to_owned(), &[classes, inputs], start);
        [weight, self.add("fc.bias".to_owned(), &[classes], start)]
    }

    fn push(&mut self, name: String, shape: &[usize], start: Start, role: Role) -> usize {
        self.0.push(Spec { name, shape: shape.to_vec(), start, role });
        self.0.len() - 1
    }
}
