//! A comparison on disk: `result.json` with all that it came from.

use serde::{Deserialize, Serialize};

use super::Estimator;
use super::unit::Choice;
use crate::analysis::record::{Inputs, Stored, misfit_of_pairs};
use crate::analysis::settings::choices;

/// What an example of CKA is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Features {
    /// An image, with all positions and channels as its features: `[n, height * width * channels]`. What Kornblith et al. compare:
    /// any two modules, and networks that see the same thing at the same place.
    Flat,
    /// A position of an image, with the channels there as its features: `[n * height * width, channels]`. Only modules of one
    /// height and width can be compared.
    Position,
}

choices!(Features, "kind of features": Flat = "flat", Position = "position");

/// CKA of the modules of some networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Similarity {
    /// Version of this form.
    pub schema: u32,
    /// The networks and the images.
    pub inputs: Inputs,
    /// What an example is.
    pub features: Features,
    /// How CKA is estimated.
    pub estimator: Estimator,
    /// The modules of each network, bottom to top.
    pub modules: Vec<Vec<String>>,
    /// The columns of the layer table: modules that all networks have.
    pub layers: Vec<String>,
    /// The networks two by two, then each with itself.
    pub pairs: Vec<PairSimilarity>,
}

/// CKA of two networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairSimilarity {
    /// The networks, by their places.
    pub networks: [usize; 2],
    /// CKA of each of the layers; none where features are the same for every example.
    pub layers: Vec<Option<f64>>,
    /// If these are the only two networks, CKA of all modules of the first (rows) with all of the second; none also where
    /// positions do not correspond.
    pub modules: Vec<Vec<Option<f64>>>,
}

impl Similarity {
    /// A comparison without numbers.
    pub(super) fn new(inputs: Inputs, features: Features, estimator: Estimator, choice: &Choice) -> Self {
        let label = |unit: usize| choice.units[unit].label.clone();
        Self {
            schema: 1,
            inputs,
            features,
            estimator,
            modules: (0..choice.networks).map(|network| choice.of(network).map(label).collect()).collect(),
            layers: choice.layers.iter().map(|(name, _)| name.clone()).collect(),
            pairs: Vec::new(),
        }
    }

    /// The comparison with numbers; `cka` of two units.
    pub(super) fn filled(self, choice: &Choice, cka: impl Fn(usize, usize) -> Option<f64>) -> Self {
        let count = choice.networks;
        let row = |row: usize, network: usize| choice.of(network).map(|column| cka(row, column)).collect();
        let pair = |[one, two]: [usize; 2]| PairSimilarity {
            networks: [one, two],
            layers: choice.layers.iter().map(|(_, units)| cka(units[one], units[two])).collect(),
            modules: match count {
                2 if one != two => choice.of(one).map(|unit| row(unit, two)).collect(),
                _ => Vec::new(),
            },
        };
        let two_by_two = (0..count).flat_map(|one| (one + 1..count).map(move |two| [one, two]));
        let all = two_by_two.chain((0..count).map(|network| [network, network]));
        Self { pairs: all.map(pair).collect(), ..self }
    }
}

impl Stored for Similarity {
    fn name(&self) -> String {
        let settings = (self.features, self.estimator, &self.modules, &self.layers);
        self.inputs.name(&format!("similarity {} {settings:?}", self.schema))
    }

    fn misfit(&self) -> Option<String> {
        let networks = self.inputs.networks.len();
        let modules = self.modules.iter().map(Vec::len).collect::<Vec<_>>();
        let is_whole = |pair: &PairSimilarity| {
            let [one, two] = pair.networks.map(|network| modules.get(network).copied().unwrap_or_default());
            // Of two networks, the modules of one are compared with those of the other.
            let has_none = pair.modules.is_empty() && (networks != 2 || pair.networks[0] == pair.networks[1]);
            pair.layers.len() == self.layers.len()
                && (has_none || pair.modules.len() == one && pair.modules.iter().all(|row| row.len() == two))
        };
        misfit_of_pairs(self.pairs.iter().map(|pair| pair.networks), networks).or_else(|| {
            let is_fit = modules.len() == networks && self.pairs.iter().all(is_whole);
            (!is_fit).then(|| "lacks numbers of layers or modules".to_owned())
        })
    }
}
