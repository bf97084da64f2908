//! Multinomial logistic regression with an L2 penalty, in double precision: the classifier that a linear probe fits to features.
//!
//! With weights W `[classes, width]`, biases b and a strength C, it minimises what scikit-learn's `LogisticRegression(C)` minimises:
//!
//! ```text
//! |W|^2 / 2 + C sum_i -log softmax(W x_i + b)[y_i]          biases are not penalised
//! ```
//!
//! Of two classes, scikit-learn fits the difference w of their rows with the penalty `|w|^2 / 2`. That is the same problem with half
//! of C, which is taken then.

mod newton;
mod objective;
mod strength;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::newton::minimise;
use self::objective::Objective;
use crate::error::Result;
use crate::evaluate::largest;

pub use strength::{Choice, HeldOut, Tried, choose, default_strengths, log_spaced, without_sample};

/// Features of some samples, and their classes.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a> {
    /// `[samples, width]`, row-major; finite.
    pub features: &'a [f32],
    /// The class of each, below `classes`.
    pub labels: &'a [usize],
    /// Number of classes.
    pub classes: usize,
}

impl Samples<'_> {
    /// Number of features.
    pub fn width(&self) -> usize {
        self.features.len() / self.labels.len().max(1)
    }
}

/// What is done to features before they are penalised alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scaling {
    /// Nothing.
    #[default]
    None,
    /// Each feature is divided by its standard deviation over the samples, as scikit-learn's `StandardScaler` does; one that never
    /// changes stays.
    Standard,
}

/// A linear classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    /// `[classes, width]`, row-major; of features as they are, whatever their scaling was.
    pub weights: Vec<f64>,
    /// `[classes]`, whose mean is 0.
    pub biases: Vec<f64>,
}

impl Classifier {
    /// The class with the largest logit for each of the samples whose features `[samples, width]` these are, row-major.
    pub fn answers(&self, features: &[f32]) -> Vec<usize> {
        const BLOCK: usize = 1024;
        let width = self.weights.len() / self.biases.len();
        let blocks = features.par_chunks(BLOCK * width);
        let answers =
            blocks.map(|block| self.logits(block).chunks_exact(self.biases.len()).map(largest).collect());
        answers.collect::<Vec<Vec<usize>>>().concat()
    }

    /// Logits `[samples, classes]` of features `[samples, width]`, both row-major.
    pub fn logits(&self, features: &[f32]) -> Vec<f64> {
        let classes = self.biases.len();
        let width = self.weights.len() / classes;
        let samples = features.len() / width;
        let mut logits = self.biases.repeat(samples);
        let features: Vec<f64> = features.iter().map(|value| f64::from(*value)).collect();
        matmul(
            MatMut::from_row_major_slice_mut(&mut logits, samples, classes),
            Accum::Add,
            MatRef::from_row_major_slice(&features, samples, width),
            MatRef::from_row_major_slice(&self.weights, classes, width).transpose(),
            1.0,
            Par::Seq,
        );
        logits
    }
}

/// Where the fit of a problem ended.
#[derive(Debug, Clone)]
pub struct Solution {
    /// Weights of the centred and scaled features, then biases.
    parameters: Vec<f64>,
    /// Mean cross-entropy of the samples, nats.
    pub loss: f64,
    /// Whether the last step promised to lower the objective for a sample by no more than 1e-12 nats.
    pub is_converged: bool,
}

/// A regression on some samples, which may be solved for several strengths.
pub struct Problem<'a> {
    objective: Objective<'a>,
}

impl<'a> Problem<'a> {
    /// On the samples at the positions `rows`, among which each class must have one.
    pub fn new(samples: Samples<'a>, rows: Vec<usize>, scaling: Scaling) -> Self {
        Self { objective: Objective::new(samples, rows, scaling) }
    }

    /// The minimum for a strength C, from where that of another strength was, or from zero. `check` may end the work.
    ///
    /// # Errors
    /// That of `check`.
    pub fn solve(
        &self,
        strength: f64,
        start: Option<&Solution>,
        check: &dyn Fn() -> Result<()>,
    ) -> Result<Solution> {
        let start = start.map_or_else(|| vec![0.0; self.objective.len()], |start| start.parameters.clone());
        minimise(&self.objective, strength, start, check)
    }

    /// The classifier of a solution.
    pub fn classifier(&self, solution: &Solution) -> Classifier {
        self.objective.classifier(&solution.parameters)
    }
}
