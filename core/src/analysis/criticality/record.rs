//! Criticality on disk: `result.json` with all that it came from.

use serde::{Deserialize, Serialize};

use super::perturbation::Place;
use super::plan::Plan;
use super::surface::{Sample, Samples, draws};
use super::{Grid, PathKind, Rule, Score, score};
use crate::analysis::measures::{Measures, infinity_or_number};
use crate::analysis::record::{Inputs, Stored};
use crate::analysis::subject::Source;
use crate::error::{Error, Result};

/// The surfaces of a network's modules, and their scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criticality {
    /// Version of this form.
    pub schema: u32,
    /// The start and the end of the paths, and the images.
    pub inputs: Inputs,
    /// Architecture of both.
    pub arch: String,
    /// Which way the paths go.
    pub path: PathKind,
    /// The checkpoints of an optimisation path between its ends.
    pub between: Vec<Source>,
    /// The places and the noise; coefficients count on the direct path alone.
    pub grid: Grid,
    /// When a point is as good as the end.
    pub rule: Rule,
    /// Epsilon: what the rule comes to for this end, in the unit of its objective.
    #[serde(deserialize_with = "infinity_or_number")]
    pub epsilon: f64,
    /// The end itself.
    pub end: Measures,
    /// The modules, bottom to top.
    pub modules: Vec<Surface>,
    /// Criticality of the network: the sum over these modules.
    #[serde(deserialize_with = "infinity_or_number")]
    pub network: f64,
    /// What the numbers are.
    pub definition: String,
}

/// A module over its place on the path and the noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// Its name.
    pub module: String,
    /// How far its end is from its start: the norm of the difference of its parameters.
    pub distance: f64,
    /// The points, by position, then by sigma.
    pub points: Vec<Point>,
    /// Its criticality.
    pub score: Score,
}

/// A point of a surface.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// The coefficient, or the epoch.
    pub position: f64,
    /// How far the place is from the start.
    pub distance: f64,
    /// Standard deviation of the noise.
    pub sigma: f64,
    /// Means over the draws.
    pub mean: Measures,
    /// Standard deviations of the draws (of n - 1); absent for a single one.
    pub deviation: Option<Measures>,
}

impl Criticality {
    /// Without points.
    pub(super) fn new(path: PathKind, rule: Rule, plan: &Plan, inputs: Inputs) -> Self {
        Self {
            schema: 1,
            inputs,
            arch: plan.end.arch.name.clone(),
            path,
            between: plan.sources[1..plan.sources.len() - 1].to_vec(),
            grid: plan.grid.clone(),
            rule,
            epsilon: f64::INFINITY,
            end: Measures { accuracy: 0.0, loss: f64::INFINITY, auc: None },
            modules: Vec::new(),
            network: f64::INFINITY,
            definition: "mu = min (distance / sigma)^2 over the points with sigma > 0 whose mean objective is at most epsilon, \
                         infinite if there is none; distance from the start: alpha ||theta_F - theta_0|| on the direct path, \
                         ||theta_t - theta_0|| on the optimisation path; sigma is the standard deviation of the noise on each \
                         parameter of the module; norms and noise are of parameters, running statistics follow the path; the \
                         network's criticality is the sum over modules"
                .to_owned(),
        }
    }

    /// With the points of the plan taken from the samples, and scored. Unless all of them must be there, those that are not are
    /// not a number, and neither is a score that needs them.
    ///
    /// # Errors
    /// [`Error::Run`] if a point is missing, that of the end in any case.
    pub(super) fn filled(&self, plan: &Plan, samples: &[Sample], is_whole: bool) -> Result<Self> {
        let samples = Samples::new(samples);
        let get = |place| samples.get(plan, place).copied();
        let missing = || Error::run("a point was not measured");
        let mut filled = self.clone();
        filled.end = get(None).ok_or_else(missing)?;
        filled.epsilon = self.rule.threshold(&filled.end);
        let names = plan.end.arch.modules();
        for &module in &plan.modules {
            let distances = &plan.distances[module];
            let mut points = Vec::new();
            for (position, &distance) in distances.iter().enumerate() {
                for &sigma in &plan.grid.sigmas {
                    let count = draws(plan, sigma);
                    let draws = (0..count).map(|draw| Place { module, position, sigma, draw });
                    let draws: Vec<Measures> = draws.filter_map(|place| get(Some(place))).collect();
                    if is_whole && draws.len() < count {
                        return Err(missing());
                    }
                    let (mean, deviation) = moments(&draws);
                    let position = plan.positions[position];
                    points.push(Point { position, distance, sigma, mean, deviation });
                }
            }
            let is_known = points.iter().all(|point| !point.mean.accuracy.is_nan());
            let score = match is_known {
                true => score(&points, self.rule.objective, filled.epsilon),
                false => Score { mu: f64::NAN, at: None },
            };
            let norm = plan.norms[module];
            filled.modules.push(Surface {
                module: names[module].name.to_owned(),
                distance: norm,
                points,
                score,
            });
        }
        filled.network = filled.modules.iter().map(|surface| surface.score.mu).sum();
        Ok(filled)
    }
}

/// Means and standard deviations; of no draws, no numbers.
fn moments(draws: &[Measures]) -> (Measures, Option<Measures>) {
    let count = draws.len() as f64;
    let mean = |of: &dyn Fn(&Measures) -> f64| draws.iter().map(of).sum::<f64>() / count;
    let has_auc = draws.iter().all(|draw| draw.auc.is_some());
    let auc = |draw: &Measures| draw.auc.unwrap_or(f64::NAN);
    let middle = Measures {
        accuracy: mean(&|draw| draw.accuracy),
        loss: mean(&|draw| draw.loss),
        auc: has_auc.then(|| mean(&auc)),
    };
    let deviation = |of: &dyn Fn(&Measures) -> f64| {
        let squares = mean(&|draw| (of(draw) - of(&middle)).powi(2));
        (squares * count / (count - 1.0)).sqrt()
    };
    let finite = |value: f64| if value.is_finite() { value } else { f64::INFINITY };
    let deviations = Measures {
        accuracy: deviation(&|draw| draw.accuracy),
        loss: finite(deviation(&|draw| draw.loss)),
        auc: has_auc.then(|| deviation(&auc)),
    };
    (middle, (draws.len() > 1).then_some(deviations))
}

impl Stored for Criticality {
    /// Points of all grids of one seed are in one folder.
    fn name(&self) -> String {
        let between: String = self.between.iter().map(|source| source.sha256.clone() + "\n").collect();
        let settings = format!("{} {}\n{between}", self.path, self.grid.seed);
        format!("{}-{}", self.path, self.inputs.name(&settings))
    }
}
