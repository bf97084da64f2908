//! A linear change, such as a warm-up.

use serde::{Deserialize, Serialize};

use super::Schedule;
use crate::error::Result;
use crate::setting::Section;

/// A straight line from one fraction of the base rate to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearLR {
    /// Fraction in the first epoch.
    #[serde(default = "third")]
    pub start_factor: f64,
    /// Fraction from epoch `total_iters` on.
    #[serde(default = "one")]
    pub end_factor: f64,
    /// Epochs of the line.
    #[serde(default = "five")]
    pub total_iters: usize,
}

fn third() -> f64 {
    1.0 / 3.0
}

fn one() -> f64 {
    1.0
}

fn five() -> usize {
    5
}

impl Schedule for LinearLR {
    fn rate(&self, base: f64, over: usize) -> f64 {
        let Self { start_factor, end_factor, total_iters } = self;
        let done = over.min(*total_iters) as f64 / *total_iters as f64;
        base * (start_factor + (end_factor - start_factor) * done)
    }

    fn check(&self, section: Section) -> Result<()> {
        let Self { start_factor, end_factor, total_iters } = *self;
        section.epochs("total_iters", total_iters)?;
        let starts = start_factor > 0.0 && start_factor <= 1.0;
        section.require(starts, "start_factor", start_factor, "above 0 and at most 1")?;
        section.require((0.0..=1.0).contains(&end_factor), "end_factor", end_factor, "from 0 to 1")
    }
}
