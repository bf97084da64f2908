//! Which parameters the settings name by regular expressions.

use regex::Regex;

use super::{Optimizer, WeightRegularizer};
use crate::error::{Error, Result};

/// Factor of the learning rate of biases and scales (reference `libtrain.make_optimizer`).
const SLOW: f64 = 0.1;

/// A regular expression, with what is wrong with it in one line.
///
/// # Errors
/// [`Error::Usage`] if it is none.
pub fn regex(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Error::usage(format!("{pattern} is not a regular expression: {reason}"))
    })
}

impl Optimizer {
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

impl WeightRegularizer {
    /// The indices of the parameters that it keeps small or near.
    ///
    /// # Errors
    /// [`Error::Usage`] if `regex` is no regular expression, or is found in no name.
    pub fn parameters<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Vec<usize>> {
        let names: Vec<&str> = names.collect();
        let regex = regex(&self.regex)
            .map_err(|error| Error::usage(format!("train.weight_regularizers: {error}")))?;
        let found: Vec<usize> = (0..names.len()).filter(|index| regex.is_match(names[*index])).collect();
        if found.is_empty() {
            return Err(Error::usage(format!(
                "train.weight_regularizers: {} is found in no parameter's name, such as {}",
                self.regex,
                some(names.into_iter())
            )));
        }
        Ok(found)
    }
}

/// Some of the names, from the first to the last.
fn some<'a>(names: impl Iterator<Item = &'a str>) -> String {
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
