//! An interpolation on disk: `result.json` with all that it came from, `points.csv` with its points.

use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize};

use super::LineSettings;
use crate::analysis::measures::{Measures, Metric, infinity_or_number};
use crate::analysis::record::{Inputs, Stored};
use crate::analysis::request::Request;
use crate::analysis::statistics::RunningStatistics;
use crate::analysis::subject::Subject;
use crate::config::Experiment;
use crate::data::Dataset;
use crate::error::Result;
use crate::file::write_atomically;
use crate::number;

/// What the numbers of a [`Barrier`] are, for its readers.
pub(super) const DEFINITION: &str = "the largest drop below the chord, max over c in [0, 1] of (1 - c) m(0) + c m(1) - m(c), \
    with the sign turned for the loss; accuracy in percentage points, loss in nats, AUC as a fraction; interval: 95 % \
    percentile bootstrap, 1000 resamples of the samples, each the same for all coefficients and with a maximum of its own";

/// The measured line between two checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interpolation {
    /// Version of this form.
    pub schema: u32,
    /// The checkpoints at coefficient 0 and 1, and the images.
    pub inputs: Inputs,
    /// Architecture of both.
    pub arch: String,
    /// The running statistics of batch-normalised networks between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<RunningStatistics>,
    /// The points so far, by coefficient.
    pub points: Vec<Point>,
    /// The barrier, once all points are there.
    pub barrier: Option<Barrier>,
    /// What the barrier's numbers are.
    pub barrier_definition: String,
}

/// One network on the line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Position: 0 is the first network, 1 the second.
    pub coefficient: f64,
    /// How well the network does there.
    #[serde(flatten)]
    pub measures: Measures,
}

/// How far the measured line falls below the chord between its ends, at most, on coefficients from 0 to 1.
///
/// The paper draws barriers and gives no number; this is the usual one: with a metric m at coefficient c,
/// `max_c [(1 - c) m(0) + c m(1) - m(c)]`, the sign turned for the loss. It is 0 where no point is worse than the chord.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Barrier {
    /// Drop of the accuracy, percentage points; this and all others are none where the metric is undefined at a point, or infinite at
    /// an end.
    pub accuracy: Option<Height>,
    /// Rise of the loss, nats.
    pub loss: Option<Height>,
    /// Drop of the mean AUC, a fraction; none where a label is a class.
    pub auc: Option<Height>,
}

/// The height of a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Height {
    /// The largest drop.
    #[serde(deserialize_with = "infinity_or_number")]
    pub value: f64,
    /// Its coefficient.
    pub at: f64,
    /// 95 % bootstrap interval over the samples; none where single samples are not known. As a maximum of numbers that chance
    /// moves is drawn upwards, that of a line without barrier begins above 0.
    #[serde(deserialize_with = "interval")]
    pub interval: Option<[f64; 2]>,
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<[f64; 2]>, D::Error> {
    let ends: Option<[Option<f64>; 2]> = Deserialize::deserialize(deserializer)?;
    Ok(ends.map(|ends| ends.map(|end| end.unwrap_or(f64::INFINITY))))
}

impl Stored for Interpolation {
    fn name(&self) -> String {
        self.inputs.name(RunningStatistics::in_name(self.statistics))
    }

    fn misfit(&self) -> Option<String> {
        (self.inputs.networks.len() != 2).then(|| "does not name two networks".to_owned())
    }
}

impl Interpolation {
    /// A line without points.
    pub(super) fn new(
        request: &Request<LineSettings>,
        experiment: &Experiment,
        dataset: &Dataset,
        [one, two]: [&Subject; 2],
        statistics: Option<RunningStatistics>,
    ) -> Self {
        let networks = [&one.source, &two.source];
        Self {
            schema: 2,
            inputs: Inputs::new(experiment, dataset, request.surroundings.selection.split, &networks),
            arch: experiment.model.arch.clone(),
            statistics,
            points: Vec::new(),
            barrier: None,
            barrier_definition: DEFINITION.to_owned(),
        }
    }

    /// The point at a coefficient.
    pub fn point(&self, coefficient: f64) -> Option<&Point> {
        self.points.iter().find(|point| point.coefficient == coefficient)
    }

    /// What is measured at its points; AUC only where it is defined at one of them.
    pub fn metrics(&self) -> Vec<Metric> {
        let has_auc = self.points.iter().any(|point| point.measures.auc.is_some());
        let all = [Metric::Accuracy, Metric::Loss, Metric::Auc];
        all.into_iter().filter(|metric| has_auc || *metric != Metric::Auc).collect()
    }

    /// The split in a word: `test`, `train` or `dev`.
    pub fn split(&self) -> &str {
        self.inputs.split.strip_prefix("eval_mode_").unwrap_or(&self.inputs.split)
    }

    pub(super) fn add(&mut self, point: Point) {
        self.points.push(point);
        self.points.sort_by(|a, b| a.coefficient.total_cmp(&b.coefficient));
    }

    /// Writes `result.json` and `points.csv`, each whole or not at all.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        self.save(folder)?;
        let (metrics, split) = (self.metrics(), self.split());
        let name = |metric: &Metric| match metric {
            Metric::Accuracy => format!(",{split}_accuracy_percent"),
            other => format!(",{split}_{}", other.name()),
        };
        let mut csv = format!("coefficient{}\n", metrics.iter().map(name).collect::<String>());
        for point in &self.points {
            let values = metrics.iter().map(|metric| metric.of(&point.measures));
            let cells: Vec<String> =
                std::iter::once(point.coefficient).chain(values).map(number::csv).collect();
            csv += &(cells.join(",") + "\n");
        }
        write_atomically(&folder.join("points.csv"), |file| file.write_all(csv.as_bytes()))
    }
}
