//! The 2 x 2 contingency of two networks' mistakes (paper section 4 and its appendix), and what is made of it.

use serde::{Deserialize, Serialize};

/// Who is wrong about something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quadrant {
    /// Nobody.
    BothRight,
    /// The first network only.
    OnlyOneWrong,
    /// The second network only.
    OnlyTwoWrong,
    /// Both: a common mistake.
    BothWrong,
}

impl Quadrant {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::BothRight, Self::OnlyOneWrong, Self::OnlyTwoWrong, Self::BothWrong];

    /// Where the answers of two networks fall.
    pub fn of(label: usize, [one, two]: [usize; 2]) -> Self {
        match (one == label, two == label) {
            (true, true) => Self::BothRight,
            (false, true) => Self::OnlyOneWrong,
            (true, false) => Self::OnlyTwoWrong,
            (false, false) => Self::BothWrong,
        }
    }

    /// Its name in a figure.
    pub fn title(self) -> &'static str {
        match self {
            Self::BothRight => "both right",
            Self::OnlyOneWrong => "only 1 is wrong",
            Self::OnlyTwoWrong => "only 2 is wrong",
            Self::BothWrong => "both wrong",
        }
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::BothRight => "both_right",
            Self::OnlyOneWrong => "only_one_wrong",
            Self::OnlyTwoWrong => "only_two_wrong",
            Self::BothWrong => "both_wrong",
        }
    }
}

/// Decisions by quadrant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Both networks are right.
    pub both_right: usize,
    /// Only the first is wrong: the paper's g1.
    pub only_one_wrong: usize,
    /// Only the second is wrong: the paper's g2.
    pub only_two_wrong: usize,
    /// Both are wrong, a common mistake: the paper's g3.
    pub both_wrong: usize,
    /// Common mistakes in which both give the same wrong answer.
    pub same_answer: usize,
}

impl Counts {
    /// One decision.
    pub fn of(label: usize, answers: [usize; 2]) -> Self {
        let mut counts = Self::default();
        match Quadrant::of(label, answers) {
            Quadrant::BothRight => counts.both_right = 1,
            Quadrant::OnlyOneWrong => counts.only_one_wrong = 1,
            Quadrant::OnlyTwoWrong => counts.only_two_wrong = 1,
            Quadrant::BothWrong => counts.both_wrong = 1,
        }
        counts.same_answer = usize::from(counts.both_wrong == 1 && answers[0] == answers[1]);
        counts
    }

    fn combine(self, other: Self, operation: fn(usize, usize) -> usize) -> Self {
        Self {
            both_right: operation(self.both_right, other.both_right),
            only_one_wrong: operation(self.only_one_wrong, other.only_one_wrong),
            only_two_wrong: operation(self.only_two_wrong, other.only_two_wrong),
            both_wrong: operation(self.both_wrong, other.both_wrong),
            same_answer: operation(self.same_answer, other.same_answer),
        }
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        self.combine(other, |a, b| a + b)
    }

    /// What is left without a part of it.
    pub fn without(self, part: Self) -> Self {
        self.combine(part, |a, b| a - b)
    }

    /// All decisions.
    pub fn decisions(&self) -> usize {
        self.both_right + self.only_one_wrong + self.only_two_wrong + self.both_wrong
    }

    /// Decisions in a quadrant.
    pub fn quadrant(&self, quadrant: Quadrant) -> usize {
        match quadrant {
            Quadrant::BothRight => self.both_right,
            Quadrant::OnlyOneWrong => self.only_one_wrong,
            Quadrant::OnlyTwoWrong => self.only_two_wrong,
            Quadrant::BothWrong => self.both_wrong,
        }
    }

    /// Share of a quadrant among all decisions.
    pub fn share(&self, quadrant: Quadrant) -> Option<f64> {
        ratio(self.quadrant(quadrant), self.decisions())
    }

    /// Share of uncommon mistakes, which one network alone makes, among all: (g1 + g2) / (g1 + g2 + g3).
    pub fn uncommon(&self) -> Option<f64> {
        let uncommon = self.only_one_wrong + self.only_two_wrong;
        ratio(uncommon, uncommon + self.both_wrong)
    }

    /// Share of common mistakes in which both give the same wrong answer.
    pub fn alike(&self) -> Option<f64> {
        ratio(self.same_answer, self.both_wrong)
    }

    /// Share of decisions in which both give the same answer, right or wrong.
    pub fn agreement(&self) -> Option<f64> {
        ratio(self.both_right + self.same_answer, self.decisions())
    }

    /// Cohen's kappa (1960) of the correctness, right or wrong, which Geirhos et al. (2020) call error consistency: how much
    /// more often both are right or both wrong than if their mistakes were independent.
    pub fn kappa(&self) -> Option<f64> {
        let wrong = [self.only_one_wrong, self.only_two_wrong].map(|only| only + self.both_wrong);
        let right = wrong.map(|wrong| self.decisions() - wrong);
        let chance = right[0] * right[1] + wrong[0] * wrong[1];
        kappa(self.both_right + self.both_wrong, chance, self.decisions())
    }
}

/// Cohen's kappa of `same` equal ones among `count` pairs of answers; `chance` is the sum over answers of how often one network
/// gives it times how often the other does. Undefined where both always give one and the same answer.
pub(super) fn kappa(same: usize, chance: usize, count: usize) -> Option<f64> {
    let square = count * count;
    (chance < square)
        .then(|| (same * count) as f64 - chance as f64)
        .map(|above| above / (square - chance) as f64)
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kappa_is_one_of_equal_mistakes_and_zero_of_independent_ones() {
        let counts = |both_right, only_one_wrong, only_two_wrong, both_wrong| Counts {
            both_right,
            only_one_wrong,
            only_two_wrong,
            both_wrong,
            same_answer: 0,
        };
        assert_eq!(counts(7, 0, 0, 3).kappa(), Some(1.0));
        assert_eq!(counts(0, 5, 5, 0).kappa(), Some(-1.0));
        // A third and a half wrong, independently.
        assert_eq!(counts(2, 1, 2, 1).kappa(), Some(0.0));
        assert_eq!(counts(9, 0, 0, 0).kappa(), None);
        assert_eq!(counts(9, 0, 0, 0).uncommon(), None);
        assert_eq!(counts(4, 1, 2, 3).uncommon(), Some(0.5));
        assert_eq!(counts(0, 0, 0, 0).agreement(), None);
    }
}
