//! Orderings that the paper found, checked against what a study measured.

use serde::{Deserialize, Serialize};

use super::section::Section;
use crate::number;

/// A number that a part of a study has measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// What was measured.
    pub quantity: Quantity,
    /// The names of the networks, as the study writes them.
    pub networks: Vec<String>,
    /// The number.
    pub value: f64,
}

/// What can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quantity {
    /// Barrier in accuracy on the line between two networks, percentage points.
    Barrier,
    /// CKA of two networks, the mean of the paper's layers.
    Similarity,
    /// Sum of the norms of the differences of all tensors of two networks.
    Distance,
    /// Share of the mistakes of two networks that only one of them makes.
    UncommonMistakes,
}

impl Quantity {
    fn title(self) -> &'static str {
        match self {
            Self::Barrier => "barrier, points",
            Self::Similarity => "CKA, mean of layers",
            Self::Distance => "distance, sum of norms",
            Self::UncommonMistakes => "uncommon mistakes, share",
        }
    }
}

/// An ordering: a measure lies above or below a number, or above that of other networks by a margin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The paper's words for it, shortened.
    pub says: String,
    /// What is compared.
    pub quantity: Quantity,
    /// Of which networks.
    pub of: Vec<String>,
    /// What it is compared with.
    pub is: Comparison,
}

/// What a measure is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Comparison {
    /// It is at most this number.
    AtMost(f64),
    /// It is at least this number.
    AtLeast(f64),
    /// It exceeds that of other networks by at least `by`.
    Above {
        /// The other networks.
        of: Vec<String>,
        /// The margin.
        by: f64,
    },
}

/// A claim and what was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The paper's words.
    pub says: String,
    /// The numbers that were compared.
    pub found: String,
    /// What must be, with the margin.
    pub required: String,
    /// Whether it holds.
    pub holds: bool,
}

/// All that the parts of a study have measured.
pub(super) fn measures(sections: &[Section]) -> Vec<Measure> {
    sections.iter().flat_map(|section| section.measures.clone()).collect()
}

/// Whether the claims hold for what the parts have measured.
pub(super) fn verdicts(claims: &[Claim], sections: &[Section]) -> Vec<Verdict> {
    let measures = measures(sections);
    claims.iter().map(|claim| claim.check(&measures)).collect()
}

impl Claim {
    /// Compares with what was measured. A claim about what was not measured does not hold, and says so.
    pub fn check(&self, measures: &[Measure]) -> Verdict {
        let value = |networks: &[String]| {
            let found = measures
                .iter()
                .find(|measure| measure.quantity == self.quantity && measure.networks.as_slice() == networks);
            found.map_or(f64::NAN, |measure| measure.value)
        };
        let (own, title) = (value(&self.of), self.quantity.title());
        let text = |value: f64| match self.quantity {
            _ if value.is_nan() => "not measured".to_owned(),
            Quantity::Barrier => number::percent(value),
            Quantity::Distance => number::fixed(value, 2),
            Quantity::Similarity | Quantity::UncommonMistakes => number::fraction(value),
        };
        let (found, required, holds) = match &self.is {
            Comparison::AtMost(bound) => (text(own), format!("{title} at most {bound}"), own <= *bound),
            Comparison::AtLeast(bound) => (text(own), format!("{title} at least {bound}"), own >= *bound),
            Comparison::Above { of, by } => {
                let other = value(of);
                let found = format!("{} against {}", text(own), text(other));
                (found, format!("{title} greater by at least {by}"), own >= other + by)
            }
        };
        Verdict { says: self.says.clone(), found, required, holds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_holds_by_its_margin_and_not_without_measures() {
        let pair = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let measure = |networks, value| Measure { quantity: Quantity::Similarity, networks, value };
        let measures = [measure(pair("A", "B"), 0.8), measure(pair("A", "C"), 0.5)];
        let holds = |of: Vec<String>, is: Comparison| {
            let claim = Claim { says: String::new(), quantity: Quantity::Similarity, of, is };
            claim.check(&measures).holds
        };
        assert!(holds(pair("A", "B"), Comparison::Above { of: pair("A", "C"), by: 0.25 }));
        assert!(!holds(pair("A", "B"), Comparison::Above { of: pair("A", "C"), by: 0.35 }));
        assert!(
            holds(pair("A", "C"), Comparison::AtMost(0.5))
                && !holds(pair("A", "C"), Comparison::AtLeast(0.6))
        );
        assert!(!holds(pair("B", "C"), Comparison::AtMost(1.0)));
    }
}
