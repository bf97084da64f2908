//! A study as written in RON.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::analysis::interpolation::linspace;
use crate::error::{Error, Result};

/// The studies that come with the program.
const BUILT_IN: [(&str, &str); 1] = [("demo", include_str!("../../../configs/studies/demo.ron"))];

/// Runs, and lines between their last networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Name of its folder; that of its file.
    #[serde(skip_deserializing)]
    pub name: String,
    /// Heading of the report.
    pub title: String,
    /// What is asked, and how it is answered.
    pub about: String,
    /// In the order in which they are trained.
    pub runs: Vec<Member>,
    /// Names of the runs at the two ends of each line.
    pub pairs: Vec<(String, String)>,
    /// Positions on each line.
    pub coefficients: Coefficients,
}

/// A run of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// What the report calls it; P-T and RI-T are the paper's words for tuned and trained from random weights.
    pub name: String,
    /// Its key in the registry.
    pub key: String,
    /// Which instance of the key.
    pub replicate: u64,
    /// Settings that differ from the key's, as `path=value`.
    #[serde(default)]
    pub set: Vec<String>,
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

impl Study {
    /// A study that comes with the program, by its name, or one of the user's own, by the path of its file (`*.ron`).
    ///
    /// # Errors
    /// [`Error::Usage`] naming the studies there are, or the file, line and column of what is wrong.
    pub fn open(name: &str) -> Result<Self> {
        let path = Path::new(name);
        if path.extension().is_some_and(|ending| ending == "ron") {
            let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            return Self::parse(&stem, name, &text);
        }
        let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            let known = BUILT_IN.map(|(known, _)| known).join(", ");
            return Err(Error::usage(format!(
                "no study {name}; there are {known}, or name a file of your own, study.ron"
            )));
        };
        Self::parse(name, &format!("configs/studies/{name}.ron"), text)
    }

    fn parse(name: &str, file: &str, text: &str) -> Result<Self> {
        let study: Self = ron::from_str(text).map_err(|error| {
            let start = error.span.start;
            Error::usage(format!("{file}:{}:{}: {}", start.line, start.col, error.code))
        })?;
        let wrong = |what: String| Err(Error::usage(format!("{file}: {what}")));
        let names: HashSet<&str> = study.runs.iter().map(|run| run.name.as_str()).collect();
        if names.len() < study.runs.len() {
            return wrong("two runs have the same name".to_owned());
        }
        if let Some(name) =
            study.pairs.iter().flat_map(|(from, to)| [from, to]).find(|name| !names.contains(name.as_str()))
        {
            return wrong(format!("a pair names {name}, which is none of the runs"));
        }
        let Coefficients { first, last, count } = study.coefficients;
        if !(first.is_finite() && last.is_finite() && (1..=100_000).contains(&count)) {
            return wrong("coefficients must be a count from 1 to 100000 between two numbers".to_owned());
        }
        Ok(Self { name: name.to_owned(), ..study })
    }

    /// The run of that name; every pair names two.
    pub(super) fn position(&self, name: &str) -> usize {
        self.runs.iter().position(|run| run.name == name).unwrap_or_default()
    }
}
