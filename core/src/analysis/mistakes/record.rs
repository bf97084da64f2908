//! Mistakes on disk: `result.json` with all that it came from.

use serde::{Deserialize, Serialize};

use super::comparison::Comparison;
use crate::analysis::record::{Stored, misfit_of_pairs, shortened};
use crate::analysis::source::Source;
use crate::file::digest;

/// Stems in the name of a folder, which must not become too long.
const STEMS: usize = 4;
/// What the numbers are.
pub(super) const DEFINITIONS: &str = "a decision is which class an image is of (the largest logit), or whether it has a finding \
    (sigmoid at least 0.5); only_one_wrong, only_two_wrong and both_wrong are the paper's g1, g2 and g3; common mistakes are g3, \
    uncommon ones g1 + g2, `uncommon` is (g1 + g2) / (g1 + g2 + g3); `alike` is the share of common mistakes with the same wrong \
    answer; kappas are Cohen's, of being right or wrong and of the answers themselves; errors are standard errors by the jackknife \
    over images; null is undefined";

/// The mistakes of two or more networks, in pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mistakes {
    /// Version of this form.
    pub schema: u32,
    /// The networks, by their predictions.
    pub networks: Vec<Predictor>,
    /// The data set's name.
    pub data: String,
    /// Which of its images.
    pub split: String,
    /// How many.
    pub samples: usize,
    /// What the parts of each pair are: `class` or `finding`.
    pub parts: String,
    /// Every two of the networks.
    pub pairs: Vec<PairMistakes>,
    /// What the numbers are.
    pub definitions: String,
}

/// A network that predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predictor {
    /// Its name in tables and figures.
    pub name: String,
    /// The file of its predictions.
    pub predictions: Source,
}

/// Two networks compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairMistakes {
    /// Position of the first network in the list, from 0.
    pub one: usize,
    /// Position of the second.
    pub two: usize,
    /// All decisions.
    pub all: Comparison,
    /// The samples of each class that has any, or the decisions about each finding.
    pub parts: Vec<Comparison>,
}

impl Mistakes {
    /// The same with other names for its networks, if there is one for each.
    pub fn called(&self, names: &[String]) -> Self {
        let mut called = self.clone();
        if names.len() == called.networks.len() {
            called.networks.iter_mut().zip(names).for_each(|(network, name)| network.name.clone_from(name));
        }
        called
    }

    /// Names of a pair's networks.
    pub fn names(&self, pair: &PairMistakes) -> [&str; 2] {
        [pair.one, pair.two].map(|network| self.networks[network].name.as_str())
    }
}

impl PairMistakes {
    /// Its name in files, such as `1-2`.
    pub fn stem(&self) -> String {
        format!("{}-{}", self.one + 1, self.two + 1)
    }
}

impl Stored for Mistakes {
    fn name(&self) -> String {
        let stems = self.networks.iter().take(STEMS).map(|network| network.predictions.stem() + "-");
        let digests = self.networks.iter().map(|network| network.predictions.sha256.as_str());
        let digest = digest(digests.collect::<Vec<_>>().join("\n"));
        format!("{}{}", shortened(stems.collect()), &digest[..8])
    }

    fn misfit(&self) -> Option<String> {
        misfit_of_pairs(self.pairs.iter().map(|pair| [pair.one, pair.two]), self.networks.len())
    }
}
