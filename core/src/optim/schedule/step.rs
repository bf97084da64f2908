//! A drop every few epochs.

use serde::{Deserialize, Serialize};

use super::{Schedule, decayed, tenth};
use crate::error::Result;
use crate::setting::Section;

/// Multiplied by `gamma` after every `step_size` epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepLR {
    /// Epochs between two drops.
    pub step_size: usize,
    /// The factor.
    #[serde(default = "tenth")]
    pub gamma: f64,
}

impl Schedule for StepLR {
    fn rate(&self, base: f64, over: usize) -> f64 {
        decayed(base, self.gamma, over / self.step_size)
    }

    fn check(&self, section: Section) -> Result<()> {
        section.epochs("step_size", self.step_size)?;
        section.above_zero("gamma", self.gamma)
    }
}
