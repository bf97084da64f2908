//! Spectra: the singular values of every convolution and linear layer as a map from its input to its output (paper
//! section 11; Sedghi, Gupta and Long 2019).

mod chart;
mod record;
mod singular;

use std::path::Path;
use std::sync::Mutex;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::record::{Stored as _, Watch, claim, show};
use super::report::{FigureItem, FileNames, Report};
use super::request::Request;
use super::settings::settings;
use super::weights::Weights;
use super::{About, AllAnalysed, Analysed, Analysis, Asked, Networks, json_line};
use crate::checkpoint::Location;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;
use crate::setting::regex;

pub use chart::{Spectra, Summary};
pub use record::{ExactFor, LayerSpectrum, Spectrum};
pub use singular::{Kernel, SingularValues};

settings! {
    /// Which layers are decomposed.
    pub struct SpectrumSettings {
        /// Decomposes only the layers in whose names a regular expression is found, such as 'conv2$'.
        layers: Option<String> = None => "REGEX";
    }
}

/// The networks of a study whose layers are decomposed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decomposed {
    /// The networks.
    pub networks: Vec<String>,
    /// The layers whose singular values are drawn by rank.
    pub drawn: Vec<String>,
}

/// The singular values of the convolutions and the linear layer of networks, in double precision, each layer as it acts on its
/// input for images of the experiment's size.
pub struct LayerSpectra;

impl Analysis for LayerSpectra {
    const ABOUT: About = About {
        name: "spectrum",
        command: "spectrum",
        title: "Spectra",
        summary: "Measures the spectrum (singular values) of each convolution and linear layer",
        details: "",
        networks: Some(Networks {
            least: 1,
            most: usize::MAX,
            value_name: "CHECKPOINT",
            help: "The checkpoints; layers act on inputs as large as in the first one's run",
            roles: &["Network"],
            unless: None,
        }),
        split: None,
        takes_memory: false,
        takes_names: true,
    };
    type Settings = SpectrumSettings;
    type Output = Spectrum;
    type Part = Decomposed;

    /// Each layer is written as it is done, and layers that the folder has already are kept. A result has the layers that were
    /// asked for, its folder may have more.
    fn run(
        request: &Request<SpectrumSettings>,
        watch: Watch<Analysed<Spectrum>>,
        job: &Job,
    ) -> Result<AllAnalysed<Spectrum>> {
        let (experiment, names) = (request.experiment()?, request.names()?);
        let networks = request.networks.iter().zip(names);
        let each =
            networks.map(|(location, name)| decompose(location, &name, &experiment, request, watch, job));
        let each = each.collect::<Result<Vec<_>>>()?;
        Ok(AllAnalysed::of_each(each))
    }

    fn networks(spectrum: &Spectrum) -> Vec<Location> {
        vec![spectrum.network.location.clone()]
    }

    fn report(results: &[Analysed<Spectrum>], shown: &[String]) -> Result<Report> {
        let (spectra, mut report) = (spectra(results), Report::default());
        let ranks = spectra.layers().into_iter().map(|layer| {
            let is_shown = shown.iter().any(|known| known == layer);
            let study = is_shown.then(|| format!("spectrum-{layer}"));
            let files = FileNames { result: Some(format!("ranks/{layer}")), study };
            Ok(FigureItem::new(files, spectra.ranks(layer)?).of("layer", layer))
        });
        report.row(
            ranks.collect::<Result<_>>()?,
            "Singular values of a layer as a map from its input to its output, from the largest to the smallest.",
        );
        let summary = |what: Summary| {
            let files = FileNames::both(what.name(), format!("spectrum-{}", what.name()));
            FigureItem::new(files, spectra.summary(what))
        };
        report.row(
            Summary::ALL.map(summary).into(),
            "The largest singular value of each layer, and how many count: sum of squares over the largest square.",
        );
        let files = FileNames::both("layers", "spectra");
        report.table(files, spectra.table(), "By the FFT method, in double precision.");
        report.notes.push(ExactFor::NOTE.to_owned());
        Ok(report)
    }

    fn json(results: &AllAnalysed<Spectrum>) -> Result<String> {
        let labels: Vec<&String> = results.each.iter().flat_map(|one| &one.names).collect();
        let folders: Vec<&Path> = results.each.iter().map(|one| one.folder.as_path()).collect();
        let folder = results.together.as_deref().or(folders.first().copied());
        let spectra: Vec<&Spectrum> = results.each.iter().map(|one| &one.output).collect();
        json_line(&json!({ "labels": labels, "folder": folder, "spectra": spectra, "folders": folders }))
    }

    fn asked(part: &Decomposed) -> std::result::Result<Vec<Asked<SpectrumSettings>>, String> {
        Ok(part.networks.iter().map(|network| Asked::new(&[network], SpectrumSettings::default())).collect())
    }

    fn shown(part: &Decomposed) -> Vec<String> {
        part.drawn.clone()
    }
}

fn spectra(results: &[Analysed<Spectrum>]) -> Spectra<'_> {
    let labelled = results
        .iter()
        .map(|one| (one.names.first().map_or("", String::as_str), &one.output, one.folder.as_path()));
    Spectra(labelled.collect())
}

/// One network.
fn decompose(
    location: &Location,
    name: &str,
    experiment: &Experiment,
    request: &Request<SpectrumSettings>,
    watch: Watch<Analysed<Spectrum>>,
    job: &Job,
) -> Result<Analysed<Spectrum>> {
    let weights = Weights::load(location, Some(&experiment.model.arch), job)?;
    let asked = request.settings.layers.as_deref().map(regex).transpose()?;
    let is_asked = |name: &str| asked.as_ref().is_none_or(|asked| asked.is_match(name));
    let mut result = Spectrum::new(&weights, experiment.data.configs.image_size);
    let layers = LayerSpectrum::planned(&weights.arch, result.image_size);
    if !layers.iter().any(|layer| is_asked(&layer.name)) {
        let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
        return Err(Error::usage(format!("no layer is asked for; the layers are {}", names.join(", "))));
    }
    let own = result.name();
    // Of several networks each has a folder in the one that is asked for.
    let output = request.surroundings.output.as_ref();
    let output =
        output.map(|output| if request.networks.len() > 1 { output.join(&own) } else { output.clone() });
    let folder =
        weights.source.result_folder("spectrum", &own, &request.surroundings.base, output.as_deref());
    let is_missing = |result: &Spectrum, layer: &LayerSpectrum| {
        is_asked(&layer.name) && result.layer(&layer.name).is_none()
    };
    result = result.known(&folder)?.unwrap_or(result);
    SingularValues::sweep(&folder);
    let mut lock = None;
    if layers.iter().any(|layer| is_missing(&result, layer)) {
        lock = Some(claim(&folder)?);
        // Another process may have added layers since.
        result = result.known(&folder)?.unwrap_or(result);
    }
    let missing: Vec<&LayerSpectrum> = layers.iter().filter(|layer| is_missing(&result, layer)).collect();
    let (total, unit) = (missing.len() as u64, "layers");
    let progress = |done| job.emit(Event::Progress { what: "decomposing".to_owned(), done, total, unit });
    let shared = Mutex::new((result.clone(), 0));
    progress(0);
    missing.into_par_iter().try_for_each(|layer| {
        let weight = format!("{}.weight", layer.name);
        let weight = weights.state.get(&weight).ok_or_else(|| Error::data(format!("{weight} is missing")))?;
        let (layer, values) = layer.decomposed(&weight.data, &|| job.check())?;
        values.save(&folder, &layer.name)?;
        let mut shared = shared.lock().map_err(Error::run)?;
        let (result, done) = &mut *shared;
        result.layers.push(layer);
        result.layers.sort_by_key(|layer| layers.iter().position(|known| known.name == layer.name));
        *done += 1;
        progress(*done);
        result.save(&folder)
    })?;
    drop(lock);
    let mut output = shared.into_inner().map_err(Error::run)?.0;
    output.layers.retain(|layer| is_asked(&layer.name));
    let analysed = Analysed { names: vec![name.to_owned()], output, folder };
    show(watch, &analysed);
    Ok(analysed)
}
