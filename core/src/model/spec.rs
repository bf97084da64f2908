//! The tensors of a network: PyTorch's name and shape, how each starts, and what changes it.

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

    /// Whether it counts batches.
    pub fn is_count(&self) -> bool {
        self.role == Role::Count
    }
}

/// What changes a tensor of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Gradient descent.
    Trained,
    /// Nothing, in this run; otherwise as [`Self::Trained`].
    Frozen,
    /// The forward pass in training; a floating-point number that interpolates like a parameter.
    Statistic,
    /// The forward pass in training; an integer in PyTorch, which takes no part in interpolation and distances.
    Count,
}

/// The distribution that a tensor is drawn from before training (PAPER section 2.1; Fixup, section 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// A constant.
    Constant(f32),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Uniform from minus this bound to plus this bound.
    Uniform(f64),
}

impl Start {
    /// How PyTorch starts weights and biases of linear layers and convolutions by default; `inputs` are those of one output.
    pub fn pytorch(inputs: usize) -> Self {
        Self::Uniform((inputs as f64).powf(-0.5))
    }
}
