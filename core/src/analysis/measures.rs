//! What analyses ask of a network on a selection of images.

use serde::{Deserialize, Serialize};

use crate::evaluate::Evaluation;
use crate::number;

/// How well a network does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Right decisions, percent.
    pub accuracy: f64,
    /// Mean loss, nats; infinite where the network overflows.
    #[serde(deserialize_with = "infinity_or_number")]
    pub loss: f64,
    /// Mean area under the ROC curves, a fraction; absent where labels are classes, or where it is undefined.
    pub auc: Option<f64>,
}

impl Measures {
    /// Those of what is not measured yet.
    pub const UNKNOWN: Self = Self { accuracy: f64::NAN, loss: f64::NAN, auc: None };
}

impl From<&Evaluation> for Measures {
    fn from(evaluation: &Evaluation) -> Self {
        Self {
            accuracy: 100.0 * evaluation.accuracy(),
            loss: finite_or_endless(evaluation.loss()),
            auc: evaluation.auc(),
        }
    }
}

/// A loss; that of a network that overflows is endless, whether it computes as infinity or as no number.
pub(super) fn finite_or_endless(loss: f64) -> f64 {
    if loss.is_finite() { loss } else { f64::INFINITY }
}

/// JSON has no infinity; it is written as null.
pub(super) fn infinity_or_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

/// Top-1 accuracy on some images, with what chance in their choice may move it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// Images that are classified rightly.
    pub right: usize,
    /// All images.
    pub images: usize,
    /// The accuracy, percent.
    pub percent: f64,
    /// Its 95 % interval, percent: Wilson's score interval for a binomial proportion (1927).
    pub interval: [f64; 2],
}

impl Accuracy {
    /// Of `right` among `images`, of which there is one at least.
    pub fn new(right: usize, images: usize) -> Self {
        /// The quantile 0.975 of the standard normal distribution.
        const Z: f64 = 1.959_963_984_540_054;
        let count = images as f64;
        let share = right as f64 / count;
        let middle = (share + Z * Z / (2.0 * count)) / (1.0 + Z * Z / count);
        let spread = (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
        let half = Z / (1.0 + Z * Z / count) * spread;
        let interval = [middle - half, middle + half].map(|end| 100.0 * end.clamp(0.0, 1.0));
        Self { right, images, percent: 100.0 * right as f64 / count, interval }
    }

    /// Of answers to images whose classes these are.
    pub fn of(answers: &[usize], labels: &[usize]) -> Self {
        let right = answers.iter().zip(labels).filter(|(answer, label)| answer == label).count();
        Self::new(right, labels.len())
    }

    /// In digits, with its interval: `71.25 (69.80 to 72.64)`.
    pub fn text(&self) -> String {
        let [low, high] = self.interval.map(number::percent);
        format!("{} ({low} to {high})", number::percent(self.percent))
    }
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Accuracy, percent.
    Accuracy,
    /// Loss, nats.
    Loss,
    /// Area under the ROC curve, a fraction.
    Auc,
}

impl Metric {
    /// Those that a network has which is measured so.
    pub fn of_network(measures: &Measures) -> &'static [Self] {
        match measures.auc {
            None => &[Self::Accuracy, Self::Loss],
            Some(_) => &[Self::Auc, Self::Accuracy, Self::Loss],
        }
    }

    /// Name of a figure's files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Loss => "loss",
            Self::Auc => "auc",
        }
    }

    /// What an axis says, for the split of that name.
    pub fn title(self, split: &str) -> String {
        let split = split.strip_prefix("eval_mode_").unwrap_or(split);
        match self {
            Self::Accuracy => format!("{split} accuracy %"),
            Self::Loss => format!("{split} loss"),
            Self::Auc => format!("mean {split} AUC"),
        }
    }

    /// The value; not a number where it is undefined.
    pub fn of(self, measures: &Measures) -> f64 {
        match self {
            Self::Accuracy => measures.accuracy,
            Self::Loss => measures.loss,
            Self::Auc => measures.auc.unwrap_or(f64::NAN),
        }
    }

    /// A value in digits, as a table shows it.
    pub fn digits(self, value: f64) -> String {
        match self {
            Self::Accuracy => number::percent(value),
            Self::Loss => number::loss(value),
            Self::Auc => number::fraction(value),
        }
    }

    /// Its value in digits.
    pub fn show(self, measures: &Measures) -> String {
        self.digits(self.of(measures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_scipys() {
        // scipy.stats.binomtest(right, images).proportion_ci(method="wilson")
        for (right, images, low, high) in [
            (713, 1000, 0.684_189_582_9, 0.740_180_218_0),
            (0, 20, 0.0, 0.161_125_158_1),
            (20, 20, 0.838_874_841_9, 1.0),
        ] {
            let Accuracy { interval, percent, .. } = Accuracy::new(right, images);
            assert!((interval[0] - 100.0 * low).abs() < 1e-7, "{interval:?}");
            assert!((interval[1] - 100.0 * high).abs() < 1e-7, "{interval:?}");
            assert_eq!(percent, 100.0 * right as f64 / images as f64);
        }
    }
}
