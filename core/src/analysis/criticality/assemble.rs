//! A result put together from what was measured of the points of a plan.

use super::PathKind;
use super::perturbation::Place;
use super::plan::Plan;
use super::record::{Criticality, Point, Surface};
use super::rule::{Rule, Score};
use super::samples::{Sample, Samples, draws};
use super::score::score;
use crate::analysis::measures::Measures;
use crate::analysis::record::Inputs;
use crate::analysis::statistics::RunningStatistics;
use crate::error::{Error, Result};

impl Criticality {
    /// Without points.
    pub(super) fn new(
        path: PathKind,
        rule: Rule,
        statistics: RunningStatistics,
        plan: &Plan,
        inputs: Inputs,
    ) -> Self {
        Self {
            schema: 1,
            inputs,
            arch: plan.end.arch.name.clone(),
            path,
            between: plan.sources[1..plan.sources.len() - 1].to_vec(),
            grid: plan.grid.clone(),
            statistics: plan.end.is_normalised().then_some(statistics),
            rule,
            epsilon: f64::INFINITY,
            end: Measures { accuracy: 0.0, loss: f64::INFINITY, auc: None },
            modules: Vec::new(),
            network: f64::INFINITY,
            definition: "mu = min (distance / sigma)^2 over the points with sigma > 0 whose mean objective is at most epsilon, \
                         infinite if there is none; distance from the start: alpha ||theta_F - theta_0|| on the direct path, \
                         ||theta_t - theta_0|| on the optimisation path; sigma is the standard deviation of the noise on each \
                         parameter of the module; norms and noise are of parameters, running statistics are measured anew or follow the path; \
                         the network's criticality is the sum over modules"
                .to_owned(),
        }
    }

    /// With the points of the plan taken from the samples, and scored. Unless all of them must be there, those that are not are
    /// not a number, and neither is a score that needs them.
    ///
    /// # Errors
    /// [`Error::Run`] if a point is missing, that of the end in any case; [`Error::Diverged`] if the end's loss is not finite.
    pub(super) fn filled(&self, plan: &Plan, samples: &[Sample], is_whole: bool) -> Result<Self> {
        let samples = Samples::new(samples);
        let get = |place| samples.get(plan, place).copied();
        let missing = || Error::run("a point was not measured");
        let mut filled = self.clone();
        filled.end = get(None).ok_or_else(missing)?;
        if !filled.end.loss.is_finite() {
            let end = self.inputs.networks.last().map_or(String::new(), |source| source.location.to_string());
            return Err(Error::Diverged(format!(
                "the loss of {end} is not finite on these images, so that nothing can be as good; choose another checkpoint"
            )));
        }
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
