//! Which modules of which networks are compared.

use crate::analysis::subject::Subject;
use crate::error::{Error, Result};
use crate::model::Arch;
use crate::setting::nearest;

/// The columns of the layer table unless modules are named: those of the paper's Table 1, then what the head is given and says.
const LAYERS: [&str; 7] = ["conv1", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"];

/// A module of a network.
#[derive(Debug)]
pub(super) struct Unit {
    /// Place of the network in the request.
    pub network: usize,
    /// Place of the module in [`Arch::outputs`].
    pub output: usize,
    /// What the module is called.
    pub label: String,
}

/// The modules that are compared, and which with which.
#[derive(Debug)]
pub(super) struct Choice {
    /// From bottom to top, the networks side by side.
    pub units: Vec<Unit>,
    /// Names of modules that all networks have, and the units that they are, one for each network.
    pub layers: Vec<(String, Vec<usize>)>,
    /// How many networks there are.
    pub networks: usize,
}

impl Choice {
    /// Whether two units are compared: those of two networks all with all, of more those of one name.
    pub fn compares(&self, one: usize, two: usize) -> bool {
        let differ = self.units[one].network != self.units[two].network;
        let is_layer = |(_, units): &(String, Vec<usize>)| units.contains(&one) && units.contains(&two);
        one == two || (differ && (self.networks == 2 || self.layers.iter().any(is_layer)))
    }

    /// The units of a network.
    pub fn of(&self, network: usize) -> impl Iterator<Item = usize> {
        (0..self.units.len()).filter(move |unit| self.units[*unit].network == network)
    }
}

/// The modules called `names`, or all.
pub(super) fn choose(subjects: &[Subject], names: &[String]) -> Result<Choice> {
    let archs: Vec<&Arch> = subjects.iter().map(|subject| &subject.network.arch).collect();
    for name in names {
        if archs.iter().all(|arch| arch.output(name).is_none()) {
            return Err(unknown(name, archs[0]));
        }
    }
    let layers: Vec<&str> = match names {
        [] => LAYERS.to_vec(),
        names => names.iter().map(String::as_str).collect(),
    };
    let shared = |name: &&str| archs.iter().all(|arch| arch.output(name).is_some());
    let shared: Vec<&str> = layers.iter().copied().filter(shared).collect();
    let mut units: Vec<Unit> = Vec::new();
    for (network, arch) in archs.iter().enumerate() {
        let labels = match (names, archs.len()) {
            ([], 2) => arch.outputs(),
            (_, 2) => layers.clone(),
            _ => shared.clone(),
        };
        let before = units.len();
        for label in labels {
            let Some(output) = arch.output(label) else { continue };
            // A module may go by two names, such as layer1 and layer1.1.
            if !units[before..].iter().any(|unit| unit.output == output) {
                units.push(Unit { network, output, label: label.to_owned() });
            }
        }
        if units.len() == before {
            return Err(Error::usage(format!(
                "{} has none of the modules {}; choose modules that all networks have",
                subjects[network].source.location,
                layers.join(", ")
            )));
        }
    }
    units.sort_by_key(|unit| (unit.output, unit.network));
    let place = |network: usize, name: &str| {
        let output = archs[network].output(name);
        units.iter().position(|unit| unit.network == network && Some(unit.output) == output)
    };
    let layer = |name: &str| {
        let places: Option<Vec<usize>> = (0..archs.len()).map(|network| place(network, name)).collect();
        Some((name.to_owned(), places?))
    };
    let layers = shared.iter().filter_map(|name| layer(name)).collect();
    Ok(Choice { layers, networks: archs.len(), units })
}

fn unknown(name: &str, arch: &Arch) -> Error {
    let outputs = arch.outputs();
    let stages = outputs.iter().filter_map(|output| Some(output.rsplit_once('.')?.0));
    let mut known: Vec<&str> = outputs.iter().copied().chain(stages).collect();
    known.sort_unstable();
    known.dedup();
    Error::usage(format!(
        "{} has no module {name}; the nearest are {}",
        arch.name,
        nearest(name, known.into_iter()).join(", ")
    ))
}
