//! Cosine annealing (Loshchilov and Hutter 2017), without restarts.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::Schedule;
use crate::error::Result;
use crate::setting::Section;

/// Half a cosine from the base rate down to `eta_min`, and up again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosineAnnealingLR {
    /// Epochs of the way down.
    #[serde(rename = "T_max")]
    pub t_max: usize,
    /// The lowest rate.
    #[serde(default)]
    pub eta_min: f64,
}

impl Schedule for CosineAnnealingLR {
    fn rate(&self, base: f64, over: usize) -> f64 {
        let Self { t_max, eta_min } = self;
        eta_min + (base - eta_min) * (1.0 + (PI * over as f64 / *t_max as f64).cos()) / 2.0
    }

    fn check(&self, section: Section) -> Result<()> {
        section.epochs("T_max", self.t_max)?;
        section.not_negative("eta_min", self.eta_min)
    }
}
