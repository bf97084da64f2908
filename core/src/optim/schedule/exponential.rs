//! Exponential decay.

use serde::{Deserialize, Serialize};

use super::{Schedule, decayed};
use crate::error::Result;
use crate::setting::Section;

/// Multiplied by `gamma` after each epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExponentialLR {
    /// The factor.
    pub gamma: f64,
}

impl Schedule for ExponentialLR {
    fn rate(&self, base: f64, over: usize) -> f64 {
        decayed(base, self.gamma, over)
    }

    fn check(&self, section: Section) -> Result<()> {
        section.above_zero("gamma", self.gamma)
    }
}
