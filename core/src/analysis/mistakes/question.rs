//! What networks decide about a sample.

use crate::data::Labelling;
use crate::train::evaluate::largest;

/// Something that is asked about every sample. Answers are numbers from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
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

    /// Its name in files.
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
    pub fn answer(self, logits: &[f32]) -> usize {
        match self {
            Self::Class => largest(logits),
            Self::Finding(bit, _) => usize::from(logits[bit] >= 0.0),
        }
    }

    /// Probability that the network gives its answer: by softmax, or by the sigmoid.
    pub fn confidence(self, logits: &[f32]) -> f64 {
        match self {
            Self::Class => {
                let highest = f64::from(logits[largest(logits)]);
                1.0 / logits.iter().map(|logit| (f64::from(*logit) - highest).exp()).sum::<f64>()
            }
            Self::Finding(bit, _) => 1.0 / (1.0 + (-f64::from(logits[bit].abs())).exp()),
        }
    }
}
