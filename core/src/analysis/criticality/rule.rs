//! When a point of a surface counts as being as good as its end, and the score that follows.

use serde::{Deserialize, Serialize};

use crate::analysis::measures::{Measures, infinity_or_number};
use crate::analysis::settings::choices;
use crate::error::{Error, Result};

/// When a point of a surface is as good as its end: if the mean of its objective over draws is within the bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What is compared; smaller is better.
    pub objective: Objective,
    /// What it is compared with.
    pub bound: Bound,
}

/// The loss within 1.01 times that of the end, as the authors' public implementation has it. An absolute bound on the error, as
/// the definition has it, must be chosen for each task: below the end's own error every module is infinitely critical. And the
/// error of a network that has learned its training images by heart is 0, which leaves a relative bound no room.
impl Default for Rule {
    fn default() -> Self {
        Self { objective: Objective::Loss, bound: Bound::Relative(1.01) }
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Objective {
    /// Mean loss, nats.
    Loss,
    /// Share of wrong decisions, the 0-1 loss, a fraction.
    Error,
    /// 1 - AUC, a fraction.
    Auc,
}

impl Objective {
    /// The value; infinite where it is undefined.
    pub fn of(self, measures: &Measures) -> f64 {
        match self {
            Self::Loss => measures.loss,
            Self::Error => 1.0 - measures.accuracy / 100.0,
            Self::Auc => measures.auc.map_or(f64::INFINITY, |auc| 1.0 - auc),
        }
    }
}

choices!(Objective, "objective": Loss = "loss", Error = "error", Auc = "auc");

/// What an objective is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Bound {
    /// So many times the objective of the end.
    Relative(f64),
    /// A number of one's own, the epsilon of the definition.
    Absolute(f64),
}

impl Rule {
    /// Refuses a bound that no objective can be within.
    ///
    /// # Errors
    /// [`Error::Usage`] for one that is no positive number.
    pub(super) fn check(&self) -> Result<()> {
        let (Bound::Relative(bound) | Bound::Absolute(bound)) = self.bound;
        if bound.is_finite() && bound > 0.0 {
            return Ok(());
        }
        Err(Error::usage(format!("the bound on the objective is {bound}; choose a number above 0")))
    }

    /// The epsilon for an end that does as well as this.
    pub fn threshold(&self, end: &Measures) -> f64 {
        match self.bound {
            Bound::Relative(factor) => factor * self.objective.of(end),
            Bound::Absolute(epsilon) => epsilon,
        }
    }
}

/// The criticality of a module, and the point that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// mu; infinite if no point with noise is as good as the end.
    #[serde(deserialize_with = "infinity_or_number")]
    pub mu: f64,
    /// Position and sigma of the point.
    pub at: Option<(f64, f64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_relative_or_absolute() {
        let end = Measures { accuracy: 80.0, loss: 2.0, auc: Some(0.75) };
        let threshold = |objective, bound| Rule { objective, bound }.threshold(&end);
        assert_eq!(threshold(Objective::Loss, Bound::Relative(1.5)), 3.0);
        assert_eq!(threshold(Objective::Auc, Bound::Relative(2.0)), 0.5);
        assert_eq!(threshold(Objective::Error, Bound::Absolute(0.3)), 0.3);
        assert!((Objective::Error.of(&end) - 0.2).abs() < 1e-12);
        assert_eq!(Objective::Auc.of(&Measures { auc: None, ..end }), f64::INFINITY);
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Rule { objective: Objective::Loss, bound: Bound::Absolute(wrong) }.check().is_err());
        }
    }
}
