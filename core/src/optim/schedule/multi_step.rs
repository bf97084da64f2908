//! Drops after chosen epochs: the schedule of most of the reference's keys.

use serde::{Deserialize, Serialize};

use super::{Schedule, decayed, tenth};
use crate::error::Result;
use crate::setting::Section;

/// Multiplied by `gamma` after each of some epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiStepLR {
    /// Epochs after which the rate is multiplied, once for each time that one is listed.
    pub milestones: Vec<usize>,
    /// The factor.
    #[serde(default = "tenth")]
    pub gamma: f64,
}

impl Schedule for MultiStepLR {
    fn rate(&self, base: f64, over: usize) -> f64 {
        decayed(base, self.gamma, self.milestones.iter().filter(|milestone| **milestone <= over).count())
    }

    fn check(&self, section: Section) -> Result<()> {
        section.above_zero("gamma", self.gamma)
    }
}
