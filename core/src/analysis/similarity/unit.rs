//! Which modules of which networks are compared.

use crate::analysis::subject::Subject;
use crate::error::{Error, Result};
use crate::model::Arch;

/// A module of a network.
#[derive(Debug)]
pub(super) struct Unit {
    /// Place of the network in the request.
    pub network: usize,
    /// Its position in [`Arch::stages`].
    pub stage: usize,
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
        if archs.iter().all(|arch| arch.stage(name).is_none()) {
            return Err(archs[0].unknown_stage(name));
        }
    }
    let layers: Vec<&str> = match names {
        [] => archs[0].outline.iter().map(String::as_str).collect(),
        names => names.iter().map(String::as_str).collect(),
    };
    let shared = |name: &&str| archs.iter().all(|arch| arch.stage(name).is_some());
    let shared: Vec<&str> = layers.iter().copied().filter(shared).collect();
    let mut units: Vec<Unit> = Vec::new();
    for (network, arch) in archs.iter().enumerate() {
        let labels = match (names, archs.len()) {
            ([], 2) => arch.stages.iter().map(|stage| stage.name.as_str()).collect(),
            (_, 2) => layers.clone(),
            _ => shared.clone(),
        };
        let before = units.len();
        for label in labels {
            let Some(stage) = arch.stage(label) else { continue };
            // A module may go by two names, such as layer1 and layer1.1.
            if !units[before..].iter().any(|unit| unit.stage == stage) {
                units.push(Unit { network, stage, label: label.to_owned() });
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
    units.sort_by_key(|unit| (unit.stage, unit.network));
    let place = |network: usize, name: &str| {
        let stage = archs[network].stage(name);
        units.iter().position(|unit| unit.network == network && Some(unit.stage) == stage)
    };
    let layer = |name: &str| {
        let places: Option<Vec<usize>> = (0..archs.len()).map(|network| place(network, name)).collect();
        Some((name.to_owned(), places?))
    };
    let layers = shared.iter().filter_map(|name| layer(name)).collect();
    Ok(Choice { layers, networks: archs.len(), units })
}
