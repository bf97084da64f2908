//! What differs between two checkpoints.

use super::StateDict;

/// How values differ from earlier ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Whether all values are the same, bit by bit.
    pub identical: bool,
    /// Squared norm of the difference.
    squares: f64,
    /// Squared norm of the earlier values.
    before: f64,
    /// Squared norm of the later values.
    after: f64,
    /// Scalar product of both.
    product: f64,
}

impl Change {
    /// Nothing compared with nothing.
    pub const NONE: Self = Self { identical: true, squares: 0.0, before: 0.0, after: 0.0, product: 0.0 };

    /// Compares as many values as both have.
    pub fn between(before: &[f32], after: &[f32]) -> Self {
        let mut change = Self::NONE;
        for (a, b) in before.iter().zip(after) {
            change.identical &= a.to_bits() == b.to_bits();
            let (a, b) = (f64::from(*a), f64::from(*b));
            change.squares += (a - b).powi(2);
            change.before += a * a;
            change.after += b * b;
            change.product += a * b;
        }
        change
    }

    /// Of these and other values as one vector.
    pub fn and(self, other: Self) -> Self {
        Self {
            identical: self.identical && other.identical,
            squares: self.squares + other.squares,
            before: self.before + other.before,
            after: self.after + other.after,
            product: self.product + other.product,
        }
    }

    /// Euclidean norm of the difference.
    pub fn l2(&self) -> f64 {
        self.squares.sqrt()
    }

    /// Euclidean norm of the earlier values.
    pub fn before(&self) -> f64 {
        self.before.sqrt()
    }

    /// This norm as a fraction of that of the earlier values; `None` if that is zero.
    pub fn relative(&self) -> Option<f64> {
        (self.before != 0.0).then(|| (self.squares / self.before).sqrt())
    }

    /// Cosine of the angle between both; `None` if one is zero.
    pub fn cosine(&self) -> Option<f64> {
        let norms = self.before.sqrt() * self.after.sqrt();
        (norms != 0.0).then(|| self.product / norms)
    }
}

/// A tensor that both have.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorChange {
    /// Its name.
    pub name: String,
    /// Lengths of its axes.
    pub shape: Vec<usize>,
    /// How it differs.
    pub change: Change,
}

/// A tensor that both have, in other shapes.
#[derive(Debug, Clone, PartialEq)]
pub struct Reshaped {
    /// Its name.
    pub name: String,
    /// Its shape in the first.
    pub before: Vec<usize>,
    /// Its shape in the second.
    pub after: Vec<usize>,
}

/// What differs between two checkpoints.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    /// Names of tensors that only the first has.
    pub only_before: Vec<String>,
    /// Names of tensors that only the second has.
    pub only_after: Vec<String>,
    /// Tensors of other shapes.
    pub reshaped: Vec<Reshaped>,
    /// Tensors that can be compared, in the first one's order.
    pub tensors: Vec<TensorChange>,
    /// All of these as one vector.
    pub total: Change,
}

impl Diff {
    /// Whether both have the same tensors with the same values, bit by bit.
    pub fn is_identical(&self) -> bool {
        let Self { only_before, only_after, reshaped, total, .. } = self;
        only_before.is_empty() && only_after.is_empty() && reshaped.is_empty() && total.identical
    }
}

/// Compares two checkpoints of any networks.
pub fn diff(before: &StateDict, after: &StateDict) -> Diff {
    let absent = |from: &StateDict, other: &StateDict| {
        let names = from.tensors.iter().map(|tensor| &tensor.name);
        names.filter(|name| other.get(name).is_none()).cloned().collect()
    };
    let (mut reshaped, mut tensors) = (Vec::new(), Vec::new());
    for tensor in &before.tensors {
        let (name, shape) = (tensor.name.clone(), tensor.shape.clone());
        match after.get(&name) {
            Some(other) if other.shape == shape => {
                tensors.push(TensorChange {
                    name,
                    shape,
                    change: Change::between(&tensor.data, &other.data),
                });
            }
            Some(other) => reshaped.push(Reshaped { name, before: shape, after: other.shape.clone() }),
            None => {}
        }
    }
    let total = tensors.iter().map(|tensor| tensor.change).fold(Change::NONE, Change::and);
    Diff { only_before: absent(before, after), only_after: absent(after, before), reshaped, tensors, total }
}
