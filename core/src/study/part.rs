//! The sections of a study's report: what is measured, on which networks, and the paper's own numbers.

mod interpolation;

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::section::Section;
use super::{Run, network};
use crate::analysis::interpolation::linspace;
use crate::config::Experiment;
use crate::error::Result;
use crate::figure::Table;
use crate::job::Job;

/// A section of the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its heading.
    pub title: String,
    /// What it shows and how to read it.
    #[serde(default)]
    pub about: String,
    /// What is measured.
    pub analysis: Analysis,
    /// What the paper found, printed after what was found here.
    #[serde(default)]
    pub paper: Vec<Numbers>,
}

/// Numbers of the paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// Which figure or table, and how exact they are.
    pub title: String,
    /// What the columns hold.
    pub columns: Vec<String>,
    /// The cells.
    pub rows: Vec<Vec<String>>,
}

impl Numbers {
    /// As a table.
    pub(super) fn table(&self) -> Table {
        Table { columns: self.columns.clone(), rows: self.rows.clone() }
    }
}

/// Names of two networks.
pub type Pair = (String, String);

/// An analysis of the networks of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Analysis {
    /// The straight lines between networks (section 8).
    Interpolation {
        /// The ends of each line.
        pairs: Vec<Pair>,
        /// Positions on each line.
        coefficients: Coefficients,
    },
}

/// Evenly spaced positions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coefficients {
    /// The first.
    pub first: f64,
    /// The last.
    pub last: f64,
    /// How many.
    pub count: usize,
}

impl Coefficients {
    /// The positions.
    pub fn values(&self) -> Vec<f64> {
        linspace(self.first, self.last, self.count)
    }
}

/// What a part is measured with.
pub(super) struct Context<'a> {
    /// The base folder of all runs.
    pub base: &'a Path,
    /// All runs of the study, trained.
    pub runs: &'a [Run],
    /// Where to compute and whom to tell.
    pub job: &'a Job<'a>,
}

impl Context<'_> {
    /// The checkpoint of a network, and the settings of its run.
    fn network(&self, name: &str) -> Result<(std::path::PathBuf, &Experiment)> {
        let (run, path) = network::find(name, self.runs, self.base)?;
        Ok((path, &run.request.experiment))
    }
}

impl Part {
    /// Says what is wrong with its settings.
    pub(super) fn check(&self, runs: &HashSet<&str>) -> std::result::Result<(), String> {
        for name in self.analysis.networks() {
            network::check(name, |run| runs.contains(run))?;
        }
        let Analysis::Interpolation { coefficients: Coefficients { first, last, count }, .. } =
            &self.analysis;
        if !(first.is_finite() && last.is_finite() && (1..=100_000).contains(count)) {
            return Err("coefficients must be a count from 1 to 100000 between two numbers".to_owned());
        }
        Ok(())
    }

    /// Measures what is not measured yet.
    pub(super) fn measure(&self, context: &Context) -> Result<Section> {
        match &self.analysis {
            Analysis::Interpolation { pairs, coefficients } => {
                interpolation::measure(pairs, &coefficients.values(), context)
            }
        }
    }
}

impl Analysis {
    /// The names of the networks that it looks at.
    fn networks(&self) -> Vec<&str> {
        match self {
            Self::Interpolation { pairs, .. } => both(pairs),
        }
    }
}

fn both(pairs: &[Pair]) -> Vec<&str> {
    pairs.iter().flat_map(|(one, two)| [one.as_str(), two.as_str()]).collect()
}
