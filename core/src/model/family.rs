//! Families of architectures, and how a member of one is put together.

use std::sync::Arc;

use super::layer::{Classifier, Layer};
use super::spec::{Role, Spec, Start};
use crate::error::{Error, Result};

/// Architectures that are built by the same rules.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The names of its members.
    pub names: &'static [&'static str],
    /// Builds the member `names[index]`; an error if it cannot read images of the side that was asked for.
    pub build: fn(index: usize, builder: &mut Builder) -> Result<()>,
}

/// The names of the members of a table.
pub(super) const fn names<P, const N: usize>(members: &[(&'static str, P); N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut index = 0;
    while index < N {
        names[index] = members[index].0;
        index += 1;
    }
    names
}

/// The learned positions of a network that cuts its images into a square grid of patches.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    /// Index of the positions, `[1, prefix + patches, channels]`.
    pub parameter: usize,
    /// Side of a patch, pixels.
    pub patch: usize,
    /// Positions before those of the patches.
    pub prefix: usize,
}

/// The tokens of a transformer: those before the patches, then the patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// All of them.
    pub count: usize,
    /// Those before the patches: class token and registers.
    pub prefix: usize,
    /// Whether the first is a class token.
    pub has_class: bool,
    /// Whether the head reads the class token; otherwise the mean of the patches.
    pub head_reads_class: bool,
}

/// A part of a network: a step of its forward pass, with a name and with the parameters that it computes with.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name, that of a module in PyTorch: `conv1`, `maxpool`, `layer1.0` ...
    pub name: String,
    /// Indices of its parameters and running statistics, ascending.
    pub parameters: Vec<usize>,
    /// The layer that it belongs to, from 0 at the bottom: all before the first block are one, each block is one, the head is the
    /// last; see [`super::Arch::layer_rates`].
    pub layer: usize,
    /// What it does.
    pub computes: Arc<dyn Layer>,
}

/// An architecture that is being built, its parameters in the order of PyTorch's state dict.
#[derive(Debug)]
pub struct Builder {
    /// Classes that the network tells apart.
    pub classes: usize,
    /// Name of the member.
    name: String,
    /// Side of the images that are wanted, pixels, if any is.
    wanted: Option<usize>,
    /// Side of the images that it reads, pixels; absent where it reads any.
    pub(super) side: Option<usize>,
    /// Its learned positions, if it has them.
    pub(super) grid: Option<Grid>,
    /// Its tokens, if it has them.
    pub(super) tokens: Option<Tokens>,
    /// The stages that stand for the network in tables with a column for each, bottom to top; see [`super::Arch::stage`].
    pub(super) outline: Vec<String>,
    pub(super) parameters: Vec<Spec>,
    pub(super) stages: Vec<Stage>,
    /// The layer of the next stage.
    layer: usize,
    /// Name of the linear layer whose outputs are the classes.
    pub(super) head: String,
}

impl Builder {
    /// Without parameters and stages.
    pub(super) fn new(name: &str, classes: usize, wanted: Option<usize>) -> Self {
        Self {
            classes,
            name: name.to_owned(),
            wanted,
            side: None,
            grid: None,
            tokens: None,
            outline: Vec::new(),
            parameters: Vec::new(),
            stages: Vec::new(),
            layer: 0,
            head: String::new(),
        }
    }

    /// The side of the images of a network whose parameters or positions depend on it: the one that is wanted, or else its own.
    ///
    /// # Errors
    /// [`Error::Usage`] if patches of `patch` pixels do not divide it.
    pub(super) fn image_side(&mut self, own: usize, patch: usize) -> Result<usize> {
        let side = self.wanted.unwrap_or(own);
        if side == 0 || !side.is_multiple_of(patch) {
            let below = (side / patch).max(1) * patch;
            return Err(Error::usage(format!(
                "{} cuts images into patches of {patch} pixels, which do not divide {side}; set data.configs.image_size to {below} or {}",
                self.name,
                below + patch
            )));
        }
        self.side = Some(side);
        Ok(side)
    }

    /// # Errors
    /// [`Error::Usage`] if the images that are wanted are smaller than the network can halve so often.
    pub(super) fn at_least(&self, least: usize) -> Result<()> {
        match self.wanted {
            Some(side) if side < least => Err(Error::usage(format!(
                "{} reads images of at least {least} pixels; data.configs.image_size is {side}",
                self.name
            ))),
            _ => Ok(()),
        }
    }

    /// Names what stands for a network of equal blocks in tables: its first stage, four blocks, and its last stages.
    pub(super) fn outline_of_blocks(&mut self, first: &str, blocks: &str, count: usize, last: &[&str]) {
        let quarters = (1..=4).map(|quarter| format!("{blocks}.{}", (quarter * count).div_ceil(4) - 1));
        let all = std::iter::once(first.to_owned()).chain(quarters);
        self.outline = all.chain(last.iter().map(|&stage| stage.to_owned())).collect();
        self.outline.dedup();
    }

    /// Adds a stage, to which all parameters belong that `build` adds, and those that were added `earlier` because the state
    /// dict has them first.
    pub fn stage<L: Layer + 'static>(
        &mut self,
        name: &str,
        earlier: &[usize],
        build: impl FnOnce(&mut Self) -> L,
    ) {
        let first = self.parameters.len();
        let layer = Arc::new(build(self));
        let parameters = earlier.iter().copied().chain(first..self.parameters.len()).collect();
        self.stages.push(Stage { name: name.to_owned(), parameters, layer: self.layer, computes: layer });
    }

    /// The next stages belong to the layer above.
    pub fn next_layer(&mut self) {
        self.layer += 1;
    }

    /// Adds the last stage: a linear layer from `inputs` features to the classes, if there are any. Fixup has a scalar bias `before` it.
    pub fn classifier(
        &mut self,
        name: &str,
        inputs: usize,
        before: Option<usize>,
        [weight, bias]: [Start; 2],
    ) {
        self.head = name.to_owned();
        if self.classes == 0 {
            return;
        }
        self.stage(name, before.as_slice(), |builder| Classifier {
            before,
            weight: builder.add(format!("{name}.weight"), &[builder.classes, inputs], weight),
            bias: builder.add(format!("{name}.bias"), &[builder.classes], bias),
        });
    }

    /// Adds a parameter; returns its index.
    pub fn add(&mut self, name: String, shape: &[usize], start: Start) -> usize {
        self.push(name, shape, start, Role::Trained)
    }

    /// Adds a running statistic or a counter that starts at `value`; returns its index.
    pub fn buffer(&mut self, name: String, shape: &[usize], value: f32, role: Role) -> usize {
        self.push(name, shape, Start::Constant(value), role)
    }

    /// Adds the weight of a convolution, `[out, in, height, width]`, with He's initialisation for the fan out times `factor`;
    /// returns its index.
    pub fn conv(&mut self, name: String, shape: [usize; 4], factor: f64) -> usize {
        let [out, _, height, width] = shape;
        let deviation = (2.0 / (out * height * width) as f64).sqrt() * factor;
        let start = if factor == 0.0 { Start::Constant(0.0) } else { Start::Normal(deviation) };
        self.add(name, &shape, start)
    }

    fn push(&mut self, name: String, shape: &[usize], start: Start, role: Role) -> usize {
        self.parameters.push(Spec { name, shape: shape.to_vec(), start, role });
        self.parameters.len() - 1
    }
}
