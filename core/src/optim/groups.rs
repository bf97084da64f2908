//! The parameters that settings name by regular expressions: groups with their own learning rate.

use super::OptimizerSettings;
use crate::error::{Error, Result};
use crate::setting::{Regex, regex};

/// Factor of the learning rate of biases and scales (reference `libtrain.make_optimizer`).
const SLOW: f64 = 0.1;

impl OptimizerSettings {
    /// The group of each parameter. The groups, in the reference's order: names that contain `bias`, then `scale`, then those
    /// of `custom_lrs`, and the rest last. `fc.bias` is a bias too.
    ///
    /// # Errors
    /// [`Error::Usage`] naming an entry of `custom_lrs` that is no regular expression, or that reaches no parameter.
    pub fn groups<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Vec<usize>> {
        let names: Vec<&str> = names.collect();
        let custom =
            self.custom_lrs.iter().map(|(pattern, _)| regex(pattern)).collect::<Result<Vec<Regex>>>();
        let custom = custom.map_err(|error| Error::usage(format!("optimizer.custom_lrs: {error}")))?;
        let group = |name: &&str| {
            if name.contains("bias") {
                0
            } else if name.contains("scale") {
                1
            } else {
                let found = custom.iter().position(|regex| regex.is_match(name));
                2 + found.unwrap_or(custom.len())
            }
        };
        let groups: Vec<usize> = names.iter().map(group).collect();
        for (index, (pattern, _)) in self.custom_lrs.iter().enumerate() {
            if !groups.contains(&(2 + index)) {
                let open = names.iter().zip(&groups).filter(|(_, group)| **group >= 2).map(|(name, _)| *name);
                return Err(Error::usage(format!(
                    "optimizer.custom_lrs: {pattern} reaches no parameter that earlier entries leave, of {}",
                    some(open)
                )));
            }
        }
        Ok(groups)
    }

    /// The learning rate of each group, before the scheduler changes it.
    pub fn group_rates(&self) -> Vec<f64> {
        let custom = self.custom_lrs.iter().map(|(_, rate)| *rate);
        [self.base_lr * SLOW; 2].into_iter().chain(custom).chain([self.base_lr]).collect()
    }
}

/// Some of the names, from the first to the last.
pub(super) fn some<'a>(names: impl Iterator<Item = &'a str>) -> String {
    /// Names in one message.
    const SHOWN: usize = 6;
    let names: Vec<&str> = names.collect();
    let step = names.len().div_ceil(SHOWN).max(1);
    let mut shown: Vec<&str> = names.iter().copied().step_by(step).collect();
    if let Some(last) = names.last()
        && shown.last() != Some(last)
    {
        shown.push(last);
    }
    shown.join(", ")
}
