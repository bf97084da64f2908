//! What is measured at a place.

use serde::{Deserialize, Serialize};

use super::search::Place;
use crate::analysis::measures::{finite_or_endless, infinity_or_number};
use crate::analysis::settings::choices;
use crate::evaluate::Evaluation;

/// What of a network is to be flat in a basin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Share of wrong decisions. The paper does not say which loss it takes; its epsilons fit this one.
    ErrorRate,
    /// Mean cross-entropy, nats.
    CrossEntropy,
}

choices!(Loss, "loss": ErrorRate = "error-rate", CrossEntropy = "cross-entropy");

impl Loss {
    /// Its name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::ErrorRate => "error rate",
            Self::CrossEntropy => "cross-entropy",
        }
    }

    /// The tolerance unless another is set: one point of accuracy, within which the paper's curves between tuned networks stay,
    /// and a few times as much in nats.
    pub fn tolerance(self) -> f64 {
        match self {
            Self::ErrorRate => 0.01,
            Self::CrossEntropy => 0.05,
        }
    }
}

/// The losses of a place: both, so that a search by the other one measures nothing twice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// The place.
    pub place: Place,
    /// [`Loss::ErrorRate`].
    pub error_rate: f64,
    /// [`Loss::CrossEntropy`]; infinite, and null in JSON, where the network overflows.
    #[serde(deserialize_with = "infinity_or_number")]
    pub cross_entropy: f64,
}

impl Measurement {
    /// What a network said at a place.
    pub(super) fn new(place: Place, evaluation: &Evaluation) -> Self {
        let cross_entropy = finite_or_endless(evaluation.loss());
        Self { place, error_rate: 1.0 - evaluation.accuracy(), cross_entropy }
    }

    /// One of its losses.
    pub fn loss(&self, loss: Loss) -> f64 {
        match loss {
            Loss::ErrorRate => self.error_rate,
            Loss::CrossEntropy => self.cross_entropy,
        }
    }
}
