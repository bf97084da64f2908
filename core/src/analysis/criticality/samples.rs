//! What the journal has of each draw, by where it was taken.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::perturbation::Place;
use super::plan::Plan;
use crate::analysis::measures::Measures;

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Where; absent for the end itself.
    pub at: Option<At>,
    /// What came of it.
    pub measures: Measures,
}

/// A draw at a point of a surface, in a form that outlives the grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    module: String,
    position: f64,
    sigma: f64,
    draw: usize,
}

/// Samples by where they were taken.
pub struct Samples<'a>(HashMap<String, &'a Measures>);

impl<'a> Samples<'a> {
    pub fn new(samples: &'a [Sample]) -> Self {
        Self(samples.iter().map(|sample| (key(&sample.at), &sample.measures)).collect())
    }

    /// The end itself for no place.
    pub fn get(&self, plan: &Plan, place: Option<Place>) -> Option<&'a Measures> {
        self.0.get(&key(&place.map(|place| at(plan, place)))).copied()
    }
}

/// Floating-point numbers are written so that they are unique.
fn key(at: &Option<At>) -> String {
    match at {
        None => String::new(),
        Some(At { module, position, sigma, draw }) => format!("{module} {position} {sigma} {draw}"),
    }
}

/// The place of a draw.
pub fn at(plan: &Plan, place: Place) -> At {
    At {
        module: plan.end.arch.modules()[place.module].name.to_owned(),
        position: plan.positions[place.position],
        sigma: place.sigma,
        draw: place.draw,
    }
}

/// The draws of a point: without noise, one says all.
pub fn draws(plan: &Plan, sigma: f64) -> usize {
    if sigma == 0.0 { 1 } else { plan.grid.draws }
}
