//! Families of architectures, and how a member of one is put together.

use std::sync::Arc;

use super::layer::{Classifier, Layer};
use super::spec::{Role, Spec, Start};

/// Architectures that are built by the same rules.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The names of its members.
    pub names: &'static [&'static str],
    /// The stages that stand for the network in tables with a column for each, bottom to top; see [`super::Arch::stage`].
    pub outline: &'static [&'static str],
    /// Builds the member `names[index]`.
    pub build: fn(index: usize, builder: &mut Builder),
}

/// A part of a network: a step of its forward pass, with a name and with the parameters that it computes with.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name, that of a module in PyTorch: `conv1`, `maxpool`, `layer1.0` ...
    pub name: String,
    /// Indices of its parameters and running statistics, ascending.
    pub parameters: Vec<usize>,
    /// What it does.
    pub layer: Arc<dyn Layer>,
}

/// An architecture that is being built, its parameters in the order of PyTorch's state dict.
#[derive(Debug)]
pub struct Builder {
    /// Classes that the network tells apart.
    pub classes: usize,
    pub(super) parameters: Vec<Spec>,
    pub(super) stages: Vec<Stage>,
    /// Name of the linear layer whose outputs are the classes.
    pub(super) head: String,
}

impl Builder {
    /// Without parameters and stages.
    pub(super) fn new(classes: usize) -> Self {
        Self { classes, parameters: Vec::new(), stages: Vec::new(), head: String::new() }
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
        self.stages.push(Stage { name: name.to_owned(), parameters, layer });
    }

    /// Adds the last stage: a linear layer from `inputs` features to the classes that starts as PyTorch's. Fixup has a scalar
    /// bias `before` it.
    pub fn classifier(&mut self, name: &str, inputs: usize, before: Option<usize>) {
        self.head = name.to_owned();
        let start = Start::Uniform((inputs as f64).powf(-0.5));
        self.stage(name, before.as_slice(), |builder| Classifier {
            before,
            weight: builder.add(format!("{name}.weight"), &[builder.classes, inputs], start),
            bias: builder.add(format!("{name}.bias"), &[builder.classes], start),
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
