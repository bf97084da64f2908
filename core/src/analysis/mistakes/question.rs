//! What networks decide about a sample.

use crate::data::Labelling;
use crate::evaluate::{is_predicted, largest};

/// Something that is asked about every sample. Answers are numbers from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Which class? The answer is that of the largest logit.
    Class,
    /// Is there the finding of that bit? The answer is 1 where the sigmoid of its logit is at least 0.5.
    Finding(usize, &'static str),
}

impl Question {
    /// What labels answer.
    pub fn all(labelling: Labelling) -> Vec<Self> {
        match labelling {
            Labelling::Class => vec![Self::Class],
            Labelling::Findings(names) => {
                names.iter().enumerate().map(|(bit, name)| Self::Finding(bit, name)).collect()
            }
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Finding(_, name) => name,
        }
    }

    /// The right answer.
    pub fn truth(self, label: usize) -> usize {
        match self {
            Self::Class => label,
            Self::Finding(bit, _) => label >> bit & 1,
        }
    }

    /// A network's answer.
    ///
    /// # Panics
    /// If there are too few logits.
    pub fn answer(self, logits: &[f32]) -> usize {
        match self {
            Self::Class => largest(logits),
            Self::Finding(bit, _) => usize::from(is_predicted(logits[bit])),
        }
    }

    /// Probability that the network gives to each answer: by softmax, or by the sigmoid.
    ///
    /// # Panics
    /// If there are too few logits.
    pub fn probabilities(self, logits: &[f32]) -> Vec<f64> {
        match self {
            Self::Class => {
                let highest = f64::from(logits[largest(logits)]);
                let powers: Vec<f64> =
                    logits.iter().map(|logit| (f64::from(*logit) - highest).exp()).collect();
                let sum: f64 = powers.iter().sum();
                powers.into_iter().map(|power| power / sum).collect()
            }
            Self::Finding(bit, _) => {
                [-1.0, 1.0].map(|sign| 1.0 / (1.0 + (-sign * f64::from(logits[bit])).exp())).to_vec()
            }
        }
    }

    /// The logit that an answer hangs on: that of the class, or of the finding.
    ///
    /// # Panics
    /// If there are too few logits.
    pub fn logit(self, logits: &[f32], answer: usize) -> f32 {
        match self {
            Self::Class => logits[answer],
            Self::Finding(bit, _) => logits[bit],
        }
    }

    /// Probability that the network gives its answer.
    ///
    /// # Panics
    /// If there are too few logits.
    pub fn confidence(self, logits: &[f32]) -> f64 {
        self.probabilities(logits)[self.answer(logits)]
    }
}
