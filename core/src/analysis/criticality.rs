//! Module criticality: how far one module can go back towards its start, and how much noise it bears there, before the network
//! is worse (paper section 3.5 and Figure 6; Chatterji, Neyshabur and Sedghi 2020).

mod chart;
mod path;
mod perturbation;
mod plan;
mod record;
mod score;
mod surface;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::plan::Plan;
use super::journal::Journal;
use super::measures::Metric;
use super::named::Named;
use super::record::{Inputs, Stored as _, Watch};
use super::selection::Selection;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::figure::Figure as _;
use crate::file::write_atomically;
use crate::job::Job;

pub use chart::{heat_map, points_table, score_bars, score_table, table};
pub use path::PathKind;
pub use record::{Criticality, Point, Surface};
pub use score::{Bound, Objective, Rule, Score, score};

/// What is measured, where, and by which rule it is scored.
pub struct Request<'a> {
    /// The end of the paths: the final checkpoint, or the best.
    pub end: &'a Path,
    /// The start of the paths.
    pub start: &'a Named,
    /// The paths between them.
    pub path: PathKind,
    /// The places and the noise.
    pub grid: &'a Grid,
    /// When a point counts as being as good as the end.
    pub rule: Rule,
    /// Names of the modules; all if there are none.
    pub modules: &'a [String],
    /// The images on which all is measured; in the definition those of training.
    pub selection: Selection,
    /// Settings that say where images come from, and how they are prepared.
    pub experiment: &'a Experiment,
    /// Bytes for what is computed once; see [`super::sweep::Sweep::memory_bytes`].
    pub memory_bytes: usize,
    /// Where analyses are written if the end lies in no run.
    pub base: &'a Path,
    /// The folder for the results, instead of one in the run of the end.
    pub output: Option<&'a Path>,
    /// Shown the result now and then; what is not measured yet is not a number.
    pub watch: Watch<'a, Criticality>,
}

/// The places of a surface, and the noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Coefficients of the end on the direct path, from 0 to 1.
    pub alphas: Vec<f64>,
    /// Standard deviations of the Gaussian noise on each parameter. One of 0 is drawn, but has no score.
    pub sigmas: Vec<f64>,
    /// Draws of noise for each point.
    pub draws: usize,
    /// Seed of the noise.
    pub seed: u64,
}

impl Grid {
    /// The same with its numbers in order, each once.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the number that is out of range.
    fn in_order(&self) -> Result<Self> {
        if let Some(alpha) = self.alphas.iter().find(|alpha| !(0.0..=1.0).contains(*alpha)) {
            return Err(Error::usage(format!("a coefficient on the path is {alpha}; choose it from 0 to 1")));
        }
        if let Some(sigma) = self.sigmas.iter().find(|sigma| !sigma.is_finite() || **sigma < 0.0) {
            return Err(Error::usage(format!("a standard deviation of noise is {sigma}; choose 0 or more")));
        }
        if self.draws == 0 || self.alphas.is_empty() || self.sigmas.is_empty() {
            return Err(Error::usage("a surface needs at least one coefficient, one deviation and one draw"));
        }
        let sorted = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_by(f64::total_cmp);
            values.dedup();
            values
        };
        Ok(Self { alphas: sorted(&self.alphas), sigmas: sorted(&self.sigmas), ..*self })
    }
}

/// Measures the surface of each module over its place on the path and the noise, all other modules being those of the end, and
/// scores it.
///
/// Activations before a module are computed once. Each draw is written as it comes; draws that the folder has already, also
/// those of another grid, are not measured again.
///
/// Returns the result and its folder.
///
/// # Errors
/// [`Error::Data`] for a checkpoint that is missing, broken or of another architecture, [`Error::Diverged`] for one that is
/// not finite, [`Error::Usage`] for a module that there is not or a number out of range, [`Error::Interrupted`] with the
/// draws so far written.
pub fn criticality(request: &Request, job: &Job) -> Result<(Criticality, PathBuf)> {
    request.rule.check()?;
    let grid = request.grid.in_order()?;
    let dataset = request.selection.open(request.experiment)?;
    let plan = Plan::open(request, grid, &dataset, job)?;
    let inputs = Inputs::new(request.experiment, &dataset, request.selection.split, &plan.ends());
    let empty = Criticality::new(request, &plan, inputs);
    let folder = plan.ends()[1].result_folder("criticality", &empty.name(), request.base, request.output);

    let mut journal = Journal::open(&folder, &empty.name())?;
    surface::measure(&plan, request, &dataset, &empty, &mut journal, job)?;
    let result = empty.filled(&plan, &journal.points, true)?;

    result.save(&folder)?;
    let points = points_table(&result).csv();
    write_atomically(&folder.join("points.csv"), |file| file.write_all(points.as_bytes()))?;
    score_bars(&[("", &result)]).save(&folder.join("criticality"))?;
    for surface in &result.modules {
        for metric in Metric::of_network(&result.end) {
            heat_map(&result, surface, *metric).save(&folder.join(format!(
                "{}-{}",
                surface.module,
                metric.name()
            )))?;
        }
    }
    Ok((result, folder))
}
