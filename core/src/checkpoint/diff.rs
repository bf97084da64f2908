//! What differs between two checkpoints.

use std::collections::HashMap;
use std::convert::Infallible;

use safetensors::tensor::Dtype;

use super::{Reader, StateDict, element};
use crate::error::Result;

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
        let pairs = before.iter().zip(after);
        let identical = pairs.clone().all(|(a, b)| a.to_bits() == b.to_bits());
        Self { identical, ..Self::measured(pairs.map(|(a, b)| (f64::from(*a), f64::from(*b)))) }
    }

    /// Compares values as a file stores them; of two types, their numbers.
    fn stored(before: (Dtype, &[u8]), after: (Dtype, &[u8])) -> Option<Self> {
        let [a, b] = [before, after].map(|(dtype, bytes)| element::doubles(dtype, bytes));
        let mut change = Self::measured(a?.into_iter().zip(b?));
        // Doubles do not hold all of these.
        let exact: Option<fn([u8; 8]) -> i128> = match (before.0, after.0) {
            (Dtype::I64, Dtype::I64) => Some(|bytes| i64::from_le_bytes(bytes).into()),
            (Dtype::U64, Dtype::U64) => Some(|bytes| u64::from_le_bytes(bytes).into()),
            _ => None,
        };
        if let Some(exact) = exact {
            let [before, after] = [before.1, after.1].map(|bytes| bytes.as_chunks().0.iter());
            change.squares = before.zip(after).map(|(a, b)| ((exact(*a) - exact(*b)) as f64).powi(2)).sum();
        }
        let identical = if before.0 == after.0 { before.1 == after.1 } else { change.identical };
        Some(Self { identical, ..change })
    }

    /// Identical are numbers that are equal.
    fn measured(pairs: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut change = Self::NONE;
        for (a, b) in pairs {
            change.identical &= a == b || a.is_nan() && b.is_nan();
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
    /// Names of tensors that both have, whose values are not read in one: complex and quantised ones, for instance.
    pub unread: Vec<String>,
    /// Tensors that can be compared, in the first one's order.
    pub tensors: Vec<TensorChange>,
    /// All of these as one vector.
    pub total: Change,
}

impl Diff {
    /// Whether both have the same tensors with the same values, bit by bit.
    pub fn is_identical(&self) -> bool {
        let Self { only_before, only_after, reshaped, unread, total, .. } = self;
        [only_before, only_after, unread].into_iter().all(Vec::is_empty)
            && reshaped.is_empty()
            && total.identical
    }
}

/// Compares two state dicts of any networks.
pub fn diff(before: &StateDict, after: &StateDict) -> Diff {
    let of = |state: &StateDict| -> Vec<Comparable> {
        state.tensors.iter().map(|tensor| (tensor.name.clone(), Some(tensor.shape.clone()))).collect()
    };
    let change = |one: usize, two: usize| {
        Ok::<_, Infallible>(Change::between(&before.tensors[one].data, &after.tensors[two].data))
    };
    let Ok(diff) = compare(of(before), of(after), change);
    diff
}

/// Compares the tensors of two files in the types that they store: integers and doubles to their last digit.
///
/// # Errors
/// Those of [`Reader::values`].
pub fn diff_files(before: &Reader, after: &Reader) -> Result<Diff> {
    let of = |reader: &Reader| -> Vec<Comparable> {
        let tensors = reader.tensors.iter();
        tensors.map(|tensor| (tensor.name.clone(), tensor.is_read.then(|| tensor.shape.clone()))).collect()
    };
    let diff = compare(of(before), of(after), |one, two| {
        let [a, b] = [before.stored(one)?, after.stored(two)?];
        Change::stored((a.0, &a.1), (b.0, &b.1)).ok_or_else(|| before.unread(one))
    })?;
    before.check_unchanged()?;
    after.check_unchanged()?;
    Ok(diff)
}

/// A tensor's name, and its shape if its values are read.
type Comparable = (String, Option<Vec<usize>>);

/// Compares tensors by their names and shapes, in the first one's order, and those at two positions by `change`.
fn compare<E>(
    before: Vec<Comparable>,
    after: Vec<Comparable>,
    change: impl Fn(usize, usize) -> std::result::Result<Change, E>,
) -> std::result::Result<Diff, E> {
    let positions = |tensors: &[Comparable]| -> HashMap<String, usize> {
        tensors.iter().enumerate().map(|(position, (name, _))| (name.clone(), position)).collect()
    };
    let (in_before, in_after) = (positions(&before), positions(&after));
    let absent = |from: &[Comparable], other: &HashMap<String, usize>| {
        from.iter().map(|(name, _)| name).filter(|name| !other.contains_key(*name)).cloned().collect()
    };
    let (only_before, only_after) = (absent(&before, &in_after), absent(&after, &in_before));
    let (mut reshaped, mut unread, mut tensors) = (Vec::new(), Vec::new(), Vec::new());
    for (one, (name, shape)) in before.into_iter().enumerate() {
        let Some(two) = in_after.get(&name) else { continue };
        match (shape, &after[*two].1) {
            (Some(shape), Some(other)) if shape == *other => {
                tensors.push(TensorChange { name, shape, change: change(one, *two)? });
            }
            (Some(before), Some(after)) => reshaped.push(Reshaped { name, before, after: after.clone() }),
            _ => unread.push(name),
        }
    }
    let total = tensors.iter().map(|tensor| tensor.change).fold(Change::NONE, Change::and);
    Ok(Diff { only_before, only_after, reshaped, unread, tensors, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_values_are_compared_to_their_last_digit() {
        let change = |before: (Dtype, &[u8]), after: (Dtype, &[u8])| Change::stored(before, after).unwrap();
        let integers = |value: i64| value.to_le_bytes();
        let of = |one: i64, two: i64| change((Dtype::I64, &integers(one)), (Dtype::I64, &integers(two)));
        let last = of(16_777_217, 16_777_216);
        assert!(!last.identical && last.l2() == 1.0, "{last:?}");
        let large = of((1 << 60) + 1, 1 << 60);
        assert!(!large.identical && large.l2() == 1.0 && of(1 << 60, 1 << 60).identical, "{large:?}");
        let [one, two] = [1.0_f64, 1.0 + f64::EPSILON].map(f64::to_le_bytes);
        assert!(!change((Dtype::F64, &one), (Dtype::F64, &two)).identical);
        // The same number in two types is the same; the sign of zero counts within one type.
        assert!(change((Dtype::F64, &one), (Dtype::F32, &1.0_f32.to_le_bytes())).identical);
        let [plus, minus] = [0.0_f32, -0.0].map(f32::to_le_bytes);
        assert!(!change((Dtype::F32, &plus), (Dtype::F32, &minus)).identical);
    }
}
