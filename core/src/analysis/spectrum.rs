//! Spectra: the singular values of every convolution and linear layer as a map from its input to its output (paper
//! section 11; Sedghi, Gupta and Long 2019).

mod chart;
mod record;
mod singular;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;

use super::record::Stored as _;
use super::weights::Weights;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;
use crate::setting::regex;

pub use chart::{Spectra, Summary};
pub use record::{ExactFor, LayerSpectrum, Spectrum};
pub use singular::{Kernel, SingularValues};

/// A checkpoint, and which of its layers are decomposed.
#[derive(Debug)]
pub struct Request<'a> {
    /// The checkpoint.
    pub checkpoint: &'a Path,
    /// Settings that say how large the images are, and of which architecture a checkpoint is that does not say.
    pub experiment: &'a Experiment,
    /// A regular expression that is found in the layers' names; all unless set.
    pub layers: Option<&'a str>,
    /// Where analyses are written if the checkpoint lies in no run.
    pub base: &'a Path,
}

/// Decomposes the convolutions and the linear layer of a checkpoint, in double precision, each as it acts on its input for
/// images of the experiment's size. Each layer is written as it is done, and layers that the folder has already are kept.
///
/// Returns the layers that were asked for, and the folder, which may have more.
///
/// # Errors
/// Those of [`Weights::load`]; [`Error::Usage`] if no layer is asked for; [`Error::Interrupted`] with the layers so far
/// written.
pub fn spectrum(request: &Request, job: &Job) -> Result<(Spectrum, PathBuf)> {
    let Request { checkpoint, experiment, layers, base } = request;
    let weights = Weights::load(checkpoint, Some(&experiment.model.arch), job)?;
    let asked = layers.map(regex).transpose()?;
    let is_asked = |name: &str| asked.as_ref().is_none_or(|asked| asked.is_match(name));
    let mut result = Spectrum::new(&weights, experiment.data.configs.image_size);
    let layers = LayerSpectrum::planned(&weights.arch, result.image_size);
    if !layers.iter().any(|layer| is_asked(&layer.name)) {
        let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
        return Err(Error::usage(format!("no layer is asked for; the layers are {}", names.join(", "))));
    }
    let folder = weights.source.analysis_folder(base).join("spectrum").join(result.name());
    if let Some(known) = result.known(&folder)? {
        result = known;
    }

    let is_missing = |layer: &&LayerSpectrum| is_asked(&layer.name) && result.layer(&layer.name).is_none();
    let missing: Vec<&LayerSpectrum> = layers.iter().filter(is_missing).collect();
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
    result = shared.into_inner().map_err(Error::run)?.0;
    result.layers.retain(|layer| is_asked(&layer.name));
    Ok((result, folder))
}
