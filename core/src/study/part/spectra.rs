//! Singular values of every convolution and linear map (PAPER section 11; Sedghi, Gupta and Long 2019).

use super::Context;
use crate::analysis::spectrum::{Request, Spectra, Summary, spectrum};
use crate::error::Result;
use crate::study::section::Section;

/// Decomposes the networks' layers, and draws the singular values of some by rank.
pub(super) fn measure(networks: &[String], drawn: &[String], context: &Context) -> Result<Section> {
    let mut section = Section::default();
    let mut results = Vec::new();
    for name in networks {
        let (checkpoint, experiment) = context.network(name)?;
        section.commands.push(format!("runner spectrum {}", checkpoint.display()));
        let request = Request { checkpoint: &checkpoint, experiment, layers: None, base: context.base };
        let (result, folder) = spectrum(&request, context.job)?;
        results.push((name, result, folder));
    }
    let labelled = results.iter().map(|(name, result, folder)| (name.as_str(), result, folder.as_path()));
    let spectra = Spectra(labelled.collect());
    let ranks =
        drawn.iter().map(|layer| Ok(super::figure(&format!("spectrum-{layer}"), spectra.ranks(layer)?)));
    section.row(
        ranks.collect::<Result<_>>()?,
        "Singular values of a layer as a map from its input to its output, from the largest to the smallest.",
    );
    let summaries =
        Summary::ALL.map(|what| super::figure(&format!("spectrum-{}", what.name()), spectra.summary(what)));
    section.row(summaries.into(), "The largest singular value of each layer, and how many count: sum of squares over the largest square.");
    section.table("spectra", spectra.table(), "By the FFT method, in double precision.");
    Ok(section)
}
