//! Criticality on disk: `result.json` with all that it came from.

use serde::{Deserialize, Serialize};

use super::rule::{Rule, Score};
use super::{Grid, PathKind};
use crate::analysis::measures::{Measures, infinity_or_number};
use crate::analysis::record::{Inputs, Stored};
use crate::analysis::source::Source;
use crate::analysis::statistics::RunningStatistics;

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
    /// The running statistics of batch-normalised networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<RunningStatistics>,
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

impl Stored for Criticality {
    /// Points of all grids of one seed are in one folder.
    fn name(&self) -> String {
        let between: String = self.between.iter().map(|source| source.sha256.clone() + "\n").collect();
        let statistics = RunningStatistics::in_name(self.statistics);
        let settings = format!("{} {}\n{between}{statistics}", self.path, self.grid.seed);
        format!("{}-{}", self.path, self.inputs.name(&settings))
    }

    fn misfit(&self) -> Option<String> {
        let rows = self.grid.sigmas.len();
        let is_whole =
            rows > 0 && self.modules.iter().all(|surface| surface.points.len().is_multiple_of(rows));
        (!is_whole).then(|| "lacks points of a module".to_owned())
    }
}
