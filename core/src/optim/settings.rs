//! The optimizer's settings: an update rule, and a learning rate for each group of parameters.

use serde::{Deserialize, Serialize};

use super::UpdateRule;
use super::rule::Named;
use crate::error::Result;
use crate::setting::Section;

/// The optimizer, as `optimizer.name`, `optimizer.base_lr`, `optimizer.kwargs` and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Named", into = "Named")]
pub struct OptimizerSettings {
    /// Learning rate of the default group; names with `bias` or `scale` take a tenth.
    pub base_lr: f64,
    /// PyTorch's `weight_decay`, for all groups.
    pub weight_decay: f64,
    /// Regular expressions over parameters' names with absolute learning rates; the first that is found in a name wins. Names
    /// with `bias` or `scale` are never reached.
    pub custom_lrs: Vec<(String, f64)>,
    /// `optimizer.name` and `optimizer.kwargs`.
    pub rule: UpdateRule,
}

impl OptimizerSettings {
    /// Checks every setting that has a range.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] naming the setting that is out of its range.
    pub fn check(&self) -> Result<()> {
        let section = Section("optimizer");
        section.above_zero("base_lr", self.base_lr)?;
        section.not_negative("weight_decay", self.weight_decay)?;
        self.rule.rule().check(Section("optimizer.kwargs"))?;
        self.custom_lrs
            .iter()
            .try_for_each(|(pattern, rate)| section.not_negative(&format!("custom_lrs of {pattern}"), *rate))
    }
}
