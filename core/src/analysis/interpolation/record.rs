//! An interpolation on disk: `result.json` with all that it came from, `points.csv` with its points.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Barrier;
use crate::analysis::subject::Source;
use crate::config::{Data, Experiment};
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::file::{digest, write_atomically};

/// The measured line between two checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interpolation {
    /// Version of this form.
    pub schema: u32,
    /// The checkpoint at coefficient 0.
    pub one: Source,
    /// The checkpoint at coefficient 1.
    pub two: Source,
    /// Architecture of both.
    pub arch: String,
    /// The images, and how they are prepared.
    pub data: Data,
    /// Which of them.
    pub split: String,
    /// SHA-256 of their ids and labels.
    pub data_digest: String,
    /// How many.
    pub samples: usize,
    /// The points so far, by coefficient.
    pub points: Vec<Point>,
    /// The barrier, once all points are there.
    pub barrier: Option<Barrier>,
    /// What the barrier's numbers are.
    pub barrier_definition: String,
}

/// One network on the line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Position: 0 is the first network, 1 the second.
    pub coefficient: f64,
    /// Test accuracy, percent.
    pub accuracy: f64,
    /// Mean test loss, nats.
    #[serde(deserialize_with = "float_or_null")]
    pub loss: f64,
}

/// JSON has no infinity; a loss that overflowed is written as null.
pub(super) fn float_or_null<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

impl Interpolation {
    /// A line without points.
    pub(super) fn new(experiment: &Experiment, dataset: &Dataset, [one, two]: [&Source; 2]) -> Self {
        Self {
            schema: 1,
            one: one.clone(),
            two: two.clone(),
            arch: experiment.model.arch.clone(),
            data: experiment.data.clone(),
            split: Split::Test.name().to_owned(),
            data_digest: dataset.digest(),
            samples: dataset.len(),
            points: Vec::new(),
            barrier: None,
            barrier_definition: "the largest drop below the chord, max over c in [0, 1] of \
                                 (1 - c) m(0) + c m(1) - m(c); accuracy in percentage points, loss in nats with the sign turned"
                .to_owned(),
        }
    }

    /// A folder name that only a line between the same networks on the same images has.
    pub fn name(&self) -> String {
        let preparation = format!("{:?}", self.data.wherever());
        let parts = [&self.one.sha256, &self.two.sha256, &self.data_digest, &preparation];
        let digest = digest(parts.map(String::as_str).join("\n"));
        format!("{}-{}-{}", self.one.stem(), self.two.stem(), &digest[..8])
    }

    /// Takes over the points that a folder has of the same line.
    pub(super) fn take_known(&mut self, folder: &Path) -> Result<()> {
        let path = folder.join("result.json");
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            text => text.map_err(Error::io("read", &path))?,
        };
        let old: Self = serde_json::from_slice(&text).map_err(|error| {
            Error::data(format!("{} is broken ({error}); remove it to compute the line anew", path.display()))
        })?;
        if old.name() != self.name() {
            return Err(Error::usage(format!(
                "{} holds an interpolation between {} and {} on {}; choose another folder",
                folder.display(),
                old.one.path,
                old.two.path,
                old.data.name
            )));
        }
        self.points = old.points;
        Ok(())
    }

    /// The point at a coefficient.
    pub fn point(&self, coefficient: f64) -> Option<&Point> {
        self.points.iter().find(|point| point.coefficient == coefficient)
    }

    pub(super) fn add(&mut self, point: Point) {
        self.points.push(point);
        self.points.sort_by(|a, b| a.coefficient.total_cmp(&b.coefficient));
    }

    /// Writes `result.json` and `points.csv`, each whole or not at all.
    pub(super) fn save(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(Error::run)?;
        write_atomically(&folder.join("result.json"), |file| file.write_all(&json))?;
        let lines: String =
            self.points.iter().map(|p| format!("{},{},{}\n", p.coefficient, p.accuracy, p.loss)).collect();
        let csv = format!("coefficient,test_accuracy_percent,test_loss\n{lines}");
        write_atomically(&folder.join("points.csv"), |file| file.write_all(csv.as_bytes()))
    }
}
