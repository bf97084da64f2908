//! What was measured in the search for a basin: `measurements.jsonl`, a JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Basin;
use super::search::Place;
use crate::analysis::interpolation::float_or_null;
use crate::analysis::record::Stored as _;
use crate::error::{Error, Result};
use crate::file::write_atomically;
use crate::train::evaluate::Evaluation;

/// What of a network is to be flat in a basin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Share of wrong decisions. The paper does not say which loss it takes; its epsilons fit this one.
    ErrorRate,
    /// Mean cross-entropy, nats.
    CrossEntropy,
}

impl Loss {
    /// Its name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::ErrorRate => "error rate",
            Self::CrossEntropy => "cross-entropy",
        }
    }

    /// The tolerance unless another is set: one point of accuracy, with which the paper's epsilons are met on its curves, and
    /// about what that is in nats.
    pub fn tolerance(self) -> f64 {
        match self {
            Self::ErrorRate => 0.01,
            Self::CrossEntropy => 0.05,
        }
    }
}

/// The losses of a place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// The place.
    pub place: Place,
    /// [`Loss::ErrorRate`].
    pub error_rate: f64,
    /// [`Loss::CrossEntropy`]; infinite, and null in JSON, where the network overflows.
    #[serde(deserialize_with = "float_or_null")]
    pub cross_entropy: f64,
}

impl Measurement {
    /// One of its losses.
    pub fn loss(&self, loss: Loss) -> f64 {
        match loss {
            Loss::ErrorRate => self.error_rate,
            Loss::CrossEntropy => self.cross_entropy,
        }
    }
}

/// The open file with all that it holds.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    measurements: Vec<Measurement>,
}

impl Log {
    /// Takes what the folder has of the same two networks on the same images; a half-written last line is dropped.
    ///
    /// # Errors
    /// [`Error::Usage`] if the folder holds a search between others.
    pub fn open(folder: &Path, search: &Basin) -> Result<Self> {
        let path = folder.join("measurements.jsonl");
        let mut measurements = Vec::new();
        if search.known(folder)?.is_some() {
            let text = std::fs::read(&path).unwrap_or_default();
            let lines = text.split(|byte| *byte == b'\n');
            measurements.extend(lines.map_while(|line| serde_json::from_slice::<Measurement>(line).ok()));
        } else {
            // Says whose measurements they are.
            search.save(folder)?;
        }
        let lines = measurements.iter().map(line).collect::<Result<String>>()?;
        write_atomically(&path, |file| file.write_all(lines.as_bytes()))?;
        let file = OpenOptions::new().append(true).open(&path).map_err(Error::io("write", &path))?;
        Ok(Self { path, file, measurements })
    }

    /// What was measured at a place.
    pub fn find(&self, place: Place) -> Option<&Measurement> {
        self.measurements.iter().find(|measurement| measurement.place == place)
    }

    /// All measurements.
    pub fn measurements(&self) -> &[Measurement] {
        &self.measurements
    }

    /// Adds a line.
    pub fn add(&mut self, place: Place, evaluation: &Evaluation) -> Result<Measurement> {
        let (error_rate, loss) = (1.0 - evaluation.accuracy(), evaluation.loss());
        let cross_entropy = if loss.is_finite() { loss } else { f64::INFINITY };
        let new = Measurement { place, error_rate, cross_entropy };
        self.file.write_all(line(&new)?.as_bytes()).map_err(Error::io("write", &self.path))?;
        self.measurements.push(new);
        Ok(new)
    }
}

fn line(measurement: &Measurement) -> Result<String> {
    Ok(serde_json::to_string(measurement).map_err(Error::run)? + "\n")
}
