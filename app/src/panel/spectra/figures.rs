//! Figures and words about the spectra of several networks, by the library's own code.

use basin_core::analysis::names::short_names;
use basin_core::analysis::spectrum::{ExactFor, Spectra, Summary};
use basin_core::error::Result;
use basin_core::figure::{Bars, Chart, Table};

use super::network::Network;

/// A network with what figures call it.
pub type Named = (String, Network);

/// What is drawn of all layers.
pub struct Figures {
    /// The networks.
    pub networks: Vec<Named>,
    /// Names of all layers, bottom to top.
    pub layers: Vec<String>,
    /// Norms and stable ranks, with the names of the figures.
    pub summaries: [(&'static str, Bars); 2],
    /// All numbers.
    pub table: Table,
}

impl Figures {
    /// Of these networks.
    pub fn new(networks: Vec<Network>) -> Self {
        let networks = named(networks);
        let spectra = spectra(&networks);
        let layers = spectra.layers().into_iter().map(str::to_owned).collect();
        let summaries = Summary::ALL.map(|what| (what.name(), spectra.summary(what)));
        let table = spectra.table();
        drop(spectra);
        Self { layers, summaries, table, networks }
    }

    /// On which input a layer was decomposed, and what its values are exact for, in each network.
    pub fn words(&self, layer: &str) -> Vec<String> {
        let mut sentences = Vec::new();
        for (label, Network { spectrum, .. }) in &self.networks {
            let Some(found) = spectrum.layer(layer) else {
                sentences.push(format!("{label} has no values of {layer}."));
                continue;
            };
            let (side, image) = (found.side, spectrum.image_size);
            let words = found.exact_for.words();
            sentences.push(format!(
                "{label}: {layer} acts on {side} x {side} pixels for images of {image} x {image}; its values are exact for {words}."
            ));
        }
        let all = self.networks.iter().flat_map(|(_, network)| &network.spectrum.layers);
        let mut exact: Vec<&str> = Vec::new();
        for layer in all.filter(|layer| layer.exact_for == ExactFor::Layer) {
            if !exact.contains(&layer.name.as_str()) {
                exact.push(&layer.name);
            }
        }
        let exact = if exact.is_empty() { "none".to_owned() } else { exact.join(", ") };
        sentences.push(format!("Layers whose values are exact as the network uses them: {exact}."));
        sentences
    }
}

/// The singular values of a layer by rank, read from where they lie.
pub fn ranks(networks: &[Named], layer: &str) -> Result<Chart> {
    spectra(networks).ranks(layer)
}

fn spectra(networks: &[Named]) -> Spectra<'_> {
    let parts = networks.iter();
    Spectra(parts.map(|(label, n)| (label.as_str(), &n.spectrum, n.folder.as_path())).collect())
}

/// Called by what differs in the paths of the checkpoints, and by the images' size where that differs.
fn named(networks: Vec<Network>) -> Vec<Named> {
    let locations = networks.iter().map(|network| network.spectrum.network.location.clone());
    let names = short_names(&locations.collect::<Vec<_>>());
    let size = |network: &Network| network.spectrum.image_size;
    let differs = networks.windows(2).any(|pair| matches!(pair, [one, two] if size(one) != size(two)));
    let name = |(name, network): (String, Network)| match differs {
        true => (format!("{name}, {} pixels", size(&network)), network),
        false => (name, network),
    };
    names.into_iter().zip(networks).map(name).collect()
}
