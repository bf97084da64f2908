//! Accuracies on disk: `result.json` with all that they came from.

use serde::{Deserialize, Serialize};

use crate::analysis::measures::{Accuracy, infinity_or_number};
use crate::analysis::record::{Inputs, Stored};

/// The accuracies of networks on some data sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracies {
    /// Version of this form.
    pub schema: u32,
    /// The networks, and the images of each data set; the first is in domain.
    pub inputs: Vec<Inputs>,
    /// The data sets so far, in this order.
    pub data: Vec<OnData>,
}

/// Networks on one data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnData {
    /// The data set's name.
    pub name: String,
    /// Of each network.
    pub accuracies: Vec<Accuracy>,
    /// Mean cross-entropy of each network, nats; infinite where it overflows.
    pub losses: Vec<Loss>,
}

/// A loss, nats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Loss(#[serde(deserialize_with = "infinity_or_number")] pub f64);

impl Accuracies {
    /// Without numbers.
    pub(super) fn new(inputs: Vec<Inputs>) -> Self {
        Self { schema: 1, inputs, data: Vec::new() }
    }

    /// Whether every data set is measured.
    pub(super) fn is_whole(&self) -> bool {
        self.data.len() == self.inputs.len()
    }

    /// Adds the next data set: accuracy and loss of each network.
    pub(super) fn add(&mut self, name: &str, found: Vec<(Accuracy, f64)>) {
        let (accuracies, losses) = found.into_iter().map(|(accuracy, loss)| (accuracy, Loss(loss))).unzip();
        self.data.push(OnData { name: name.to_owned(), accuracies, losses });
    }
}

impl Stored for Accuracies {
    fn name(&self) -> String {
        let names: Vec<String> = self.inputs.iter().map(|inputs| inputs.name("accuracy")).collect();
        self.inputs.first().map_or(String::new(), |own| own.name(&names.join("\n")))
    }

    fn misfit(&self) -> Option<String> {
        let Some(own) = self.inputs.first() else { return Some("names no images".to_owned()) };
        let networks = own.networks.len();
        let is_whole = |data: &OnData| data.accuracies.len() == networks && data.losses.len() == networks;
        let is_fit = self.data.len() <= self.inputs.len() && self.data.iter().all(is_whole);
        (!is_fit).then(|| "lacks numbers of networks".to_owned())
    }
}
