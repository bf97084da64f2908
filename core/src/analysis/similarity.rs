//! How alike the features of two networks are: linear CKA (Kornblith et al. 2019; paper section 3.2 and Table 1).
//!
//! With centred Gram matrices K and L of two sets of features over the same images, `CKA = <K, L> / (|K| |L|)`. Exact and unbiased
//! CKA need each module's Gram matrix once; all pairs of modules are then inner products of these.

mod chart;
mod estimator;
mod extract;
mod grams;
mod hsics;
mod measure;
mod plan;
mod positions;
mod record;
mod unit;

use std::path::{Path, PathBuf};

use super::record::{Inputs, Stored as _};
use super::selection::Selection;
use super::subject::Subject;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::figure::Figure as _;
use crate::file::write_atomically;
use crate::job::Job;

pub use chart::{heat_map, table};
pub use estimator::{Estimator, linear_cka};
pub use record::{Features, Pair, Similarity};

/// Unbiased estimates divide by `n - 3`.
const MIN_SAMPLES: usize = 4;

/// What is compared, and how.
#[derive(Debug)]
pub struct Request<'a> {
    /// The networks, two or more.
    pub checkpoints: &'a [PathBuf],
    /// The modules, by the names of [`crate::model::Arch::stage`]; all if there are none.
    pub modules: &'a [String],
    /// What an example is.
    pub features: Features,
    /// The estimate of CKA.
    pub estimator: Estimator,
    /// Memory that features and their products may take, bytes.
    pub memory: usize,
    /// The images.
    pub selection: Selection,
    /// Settings that say where the images are and how they are prepared.
    pub experiment: &'a Experiment,
    /// Where analyses are written if the first checkpoint lies in no run.
    pub base: &'a Path,
}

/// Compares networks, two by two: of two, all modules of one with all of the other; of more, the modules that all have. Returns the
/// result, which is taken from its folder if it is there, and the folder.
///
/// # Errors
/// [`Error::Usage`] for fewer than two networks or four samples, an unknown module or too little memory, [`Error::Data`] for a
/// broken checkpoint, [`Error::Diverged`] naming the network and the module whose features are not finite.
pub fn similarity(request: &Request, job: &Job) -> Result<(Similarity, PathBuf)> {
    if request.checkpoints.len() < 2 {
        return Err(Error::usage("similarity compares two networks or more; name another checkpoint"));
    }
    request.estimator.check()?;
    let experiment = request.experiment;
    let dataset = request.selection.open(experiment)?;
    if dataset.len() < MIN_SAMPLES {
        return Err(Error::usage(format!(
            "CKA needs at least {MIN_SAMPLES} samples, and the selection has {}; choose more with --samples or another split",
            dataset.len()
        )));
    }
    let load = |path: &PathBuf| Subject::load_as_it_is(path, experiment, job);
    let subjects = request.checkpoints.iter().map(load).collect::<Result<Vec<_>>>()?;
    // A ReLU turns what is no number into zero, so that features of a broken network can look sound.
    let choice = unit::choose(&subjects, request.modules)?;
    let sources: Vec<_> = subjects.iter().map(|subject| &subject.source).collect();
    let inputs = Inputs::new(experiment, &dataset, request.selection.split, &sources);
    let empty = Similarity::new(inputs, request.features, request.estimator, &choice);
    let folder = subjects[0].source.analysis_folder(request.base).join("similarity").join(empty.name());
    let result = match empty.known(&folder)? {
        Some(known) => {
            job.emit(Event::Note(format!("taken from {}", folder.display())));
            known
        }
        None => {
            let images = request.selection.decode(&dataset, experiment, job)?;
            let extraction = extract::Extraction::new(&subjects, &images, job);
            let hsics = measure::measure(&extraction, &choice, request)?;
            let result = empty.filled(&choice, |one, two| hsics.cka(one, two));
            result.save(&folder)?;
            result
        }
    };
    if let Some(map) = heat_map(&result) {
        map.save(&folder.join("modules"))?;
    }
    let csv = table(&result).csv();
    write_atomically(&folder.join("layers.csv"), |file| file.write_all(csv.as_bytes()))?;
    Ok((result, folder))
}
