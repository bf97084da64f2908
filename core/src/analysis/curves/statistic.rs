//! A number that was measured several times.

use serde::{Deserialize, Serialize};

use crate::number;

/// Mean and deviation of repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Statistic {
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the sample (n - 1); one repetition has none.
    pub deviation: Option<f64>,
    /// How many repetitions.
    pub count: usize,
}

impl Statistic {
    /// Of all that is finite; `None` if nothing is.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (count > 1).then(|| (squares / (count as f64 - 1.0)).sqrt());
        (count > 0).then_some(Self { mean, deviation, count })
    }

    /// One deviation below and above the mean; no numbers for one repetition.
    pub fn band(&self) -> [f64; 2] {
        let deviation = self.deviation.unwrap_or(f64::NAN);
        [self.mean - deviation, self.mean + deviation]
    }

    /// `71.25 ± 0.30`.
    pub(super) fn text(&self) -> String {
        number::with_deviation(self.mean, self.deviation, number::percent)
    }
}

/// The cell of a table for what may be absent.
pub(super) fn cell(statistic: Option<&Statistic>) -> String {
    number::or_absent(statistic, Statistic::text)
}
