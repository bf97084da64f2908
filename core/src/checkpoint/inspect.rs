//! What is in a checkpoint, in numbers.

use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use super::{Reader, Selection};
use crate::error::Result;

/// Numbers about values. Those that are not finite are counted and left out of the rest; without any other the rest is NaN.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Statistics {
    /// How many are finite.
    pub finite: usize,
    /// How many are infinite or NaN.
    pub non_finite: usize,
    /// Euclidean norm.
    pub norm: f64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, the root of the mean squared distance from the mean.
    pub deviation: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

impl Statistics {
    /// Of values.
    pub fn of(values: &[f32]) -> Self {
        /// Values that are summed as one part: few enough to stay in the cache for the second pass.
        const PART: usize = 1 << 14;
        values.chunks(PART).map(Self::of_part).fold(Self::of_part(&[]), Self::and)
    }

    fn of_part(values: &[f32]) -> Self {
        let finite = || values.iter().filter(|value| value.is_finite()).map(|value| f64::from(*value));
        let count = finite().count();
        let mean = finite().sum::<f64>() / count as f64;
        Self {
            finite: count,
            non_finite: values.len() - count,
            norm: match count {
                0 => f64::NAN,
                _ => finite().map(|value| value * value).sum::<f64>().sqrt(),
            },
            mean,
            deviation: (finite().map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64).sqrt(),
            min: finite().fold(f64::NAN, f64::min),
            max: finite().fold(f64::NAN, f64::max),
        }
    }

    /// Of these and other values together.
    pub fn and(self, other: Self) -> Self {
        let non_finite = self.non_finite + other.non_finite;
        if self.finite == 0 || other.finite == 0 {
            return Self { non_finite, ..if self.finite == 0 { other } else { self } };
        }
        let (ours, theirs) = (self.finite as f64, other.finite as f64);
        let all = ours + theirs;
        let apart = other.mean - self.mean;
        let variance = (ours * self.deviation.powi(2) + theirs * other.deviation.powi(2)) / all
            + apart.powi(2) * (ours / all) * (theirs / all);
        Self {
            finite: self.finite + other.finite,
            non_finite,
            norm: self.norm.hypot(other.norm),
            mean: self.mean + apart * theirs / all,
            deviation: variance.sqrt(),
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// An opened checkpoint with numbers about its values.
#[derive(Debug)]
pub struct Inspection {
    /// The file.
    pub reader: Reader,
    /// Of each tensor; of no values for those that cannot be read.
    pub tensors: Vec<Statistics>,
    /// Of all together.
    pub total: Statistics,
}

/// Reads all values of a checkpoint, or of some of its tensors, one tensor after the other.
///
/// # Errors
/// [`crate::error::Error::Data`] naming the file and what is wrong with it.
pub fn inspect(path: &Path, selection: Selection) -> Result<Inspection> {
    let reader = Reader::open_selection(path, selection)?;
    let indices = (0..reader.tensors.len()).into_par_iter();
    let tensors = indices
        .map(|index| match reader.tensors[index].is_read {
            true => Ok(Statistics::of(&reader.values(index)?)),
            false => Ok(Statistics::of(&[])),
        })
        .collect::<Result<Vec<_>>>()?;
    let total = tensors.iter().copied().fold(Statistics::of(&[]), Statistics::and);
    Ok(Inspection { reader, tensors, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_together_are_the_whole() {
        let mut values: Vec<f32> = (0..40_000).map(|index| 1000.0 + (index % 97) as f32).collect();
        values[17] = f32::NAN;
        values[30_000] = f32::INFINITY;
        let (parts, whole) = (Statistics::of(&values), Statistics::of_part(&values));
        assert_eq!((parts.finite, parts.non_finite), (39_998, 2));
        assert_eq!((parts.min, parts.max), (1000.0, 1096.0));
        for (part, whole) in
            [(parts.mean, whole.mean), (parts.deviation, whole.deviation), (parts.norm, whole.norm)]
        {
            assert!((part - whole).abs() <= 1e-12 * whole, "{part} {whole}");
        }
    }

    #[test]
    fn numbers_of_a_few_values() {
        let few = Statistics::of(&[3.0, -4.0, f32::NEG_INFINITY]);
        assert_eq!(
            few,
            Statistics {
                finite: 2,
                non_finite: 1,
                norm: 5.0,
                mean: -0.5,
                deviation: 3.5,
                min: -4.0,
                max: 3.0
            }
        );
        let none = Statistics::of(&[f32::NAN]);
        assert!(none.finite == 0 && none.non_finite == 1 && none.mean.is_nan() && none.max.is_nan());
    }
}
