//! The sections of a study's report: what is measured, on which networks, and the paper's own numbers.

mod criticality;
mod curves;
mod distance;
mod interpolation;
mod mistakes;
mod rewinding;
mod similarity;
mod spectra;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::section::Section;
use super::{Run, network};
use crate::analysis::interpolation::linspace;
use crate::config::{Experiment, Registry};
use crate::error::Result;
use crate::figure::{Figure, Table};
use crate::job::Job;

pub use criticality::Surfaces;

/// Memory for what an analysis keeps of networks, bytes.
const MEMORY: usize = 2 << 30;

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
    /// Curves over the epochs of all runs whose keys match.
    Curves {
        /// What is drawn, such as `eval/test_acc`, a chart for each.
        tags: Vec<String>,
        /// A regular expression.
        keys: String,
    },
    /// What pre-training gives where blocks of the images are shuffled.
    Shuffles {
        /// A regular expression for the keys.
        keys: String,
    },
    /// Similarity of features by linear CKA.
    Similarity {
        /// The networks that are compared.
        pairs: Vec<Pair>,
        /// Test images, evenly spaced over their list; all unless set.
        #[serde(default)]
        samples: Option<usize>,
    },
    /// Mistakes that networks share.
    Mistakes {
        /// The networks, all of them compared with all.
        networks: Vec<String>,
        /// The pair whose mistakes are shown as images.
        shown: Pair,
    },
    /// Distances in parameter space.
    Distance {
        /// The networks that are compared.
        pairs: Vec<Pair>,
    },
    /// The straight lines between networks.
    Interpolation {
        /// The ends of each line.
        pairs: Vec<Pair>,
        /// Positions on each line.
        coefficients: Coefficients,
    },
    /// The basin of two networks by Definition 3.1.
    Basin {
        /// The networks.
        pairs: Vec<Pair>,
    },
    /// One module at a time set back to its start.
    Rewinding {
        /// The networks.
        networks: Vec<String>,
        /// Whether modules are also set to a fresh draw.
        #[serde(default)]
        redraw: bool,
    },
    /// One module between its start and its end, with noise.
    Criticality(Surfaces),
    /// What fine-tuning makes of the epochs of pre-training.
    PretrainingEpochs {
        /// A regular expression for the keys.
        keys: String,
    },
    /// Singular values of layers.
    Spectra {
        /// The networks.
        networks: Vec<String>,
        /// The layers whose singular values are drawn by rank.
        drawn: Vec<String>,
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
    /// All keys.
    pub registry: &'a Registry,
    /// All runs of the study, trained.
    pub runs: &'a [Run],
    /// Where to compute and whom to tell.
    pub job: &'a Job<'a>,
}

impl Context<'_> {
    /// The checkpoint of a network, and the settings of its run.
    fn network(&self, name: &str) -> Result<(PathBuf, &Experiment)> {
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
        if let Analysis::Interpolation { coefficients: Coefficients { first, last, count }, .. } =
            &self.analysis
            && !(first.is_finite() && last.is_finite() && (1..=100_000).contains(count))
        {
            return Err("coefficients must be a count from 1 to 100000 between two numbers".to_owned());
        }
        Ok(())
    }

    /// Measures what is not measured yet.
    pub(super) fn measure(&self, context: &Context) -> Result<Section> {
        match &self.analysis {
            Analysis::Curves { tags, keys } => curves::learning(tags, keys, context),
            Analysis::Shuffles { keys } => curves::shuffled(keys, context),
            Analysis::PretrainingEpochs { keys } => curves::pretrained(keys, context),
            Analysis::Similarity { pairs, samples } => similarity::measure(pairs, *samples, context),
            Analysis::Mistakes { networks, shown } => mistakes::measure(networks, shown, context),
            Analysis::Distance { pairs } => distance::measure(pairs, context),
            Analysis::Interpolation { pairs, coefficients } => {
                interpolation::measure(pairs, &coefficients.values(), context)
            }
            Analysis::Basin { pairs } => interpolation::basins(pairs, context),
            Analysis::Rewinding { networks, redraw } => rewinding::measure(networks, *redraw, context),
            Analysis::Criticality(surfaces) => criticality::measure(surfaces, context),
            Analysis::Spectra { networks, drawn } => spectra::measure(networks, drawn, context),
        }
    }
}

impl Analysis {
    /// The names of the networks that it looks at.
    fn networks(&self) -> Vec<&str> {
        let names: Vec<&String> = match self {
            Self::Curves { .. } | Self::Shuffles { .. } | Self::PretrainingEpochs { .. } => Vec::new(),
            Self::Similarity { pairs, .. }
            | Self::Distance { pairs }
            | Self::Interpolation { pairs, .. }
            | Self::Basin { pairs } => pairs.iter().flat_map(|(one, two)| [one, two]).collect(),
            Self::Mistakes { networks, shown } => networks.iter().chain([&shown.0, &shown.1]).collect(),
            Self::Rewinding { networks, .. } | Self::Spectra { networks, .. } => networks.iter().collect(),
            Self::Criticality(surfaces) => surfaces.networks.iter().collect(),
        };
        names.into_iter().map(String::as_str).collect()
    }
}

/// A figure with a name for its files.
fn figure(name: &str, figure: impl Figure + 'static) -> (String, Box<dyn Figure>) {
    (name.to_owned(), Box::new(figure))
}
