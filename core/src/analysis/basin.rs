//! The basin that two networks lie in (paper, Definition 3.1): a segment of almost one loss, around which the loss rises.

mod chart;
mod landscape;
mod measurement;
mod search;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::record::{Inputs, Stored};
use super::selection::Selection;
use super::subject::Subject;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::figure::Figure as _;
use crate::job::Job;
use crate::number;

use self::landscape::Landscape;
pub use chart::{chart, table};
pub use measurement::{Loss, Measurement};
pub use search::{Found, Noise, Place, Rise, STATEMENT, Settings};

/// How the basin of two networks is searched, and on which images.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What of the networks is to be flat.
    pub loss: Loss,
    /// How flat, and how often noise is drawn.
    pub settings: Settings,
    /// Settings that say which images are used and how they are prepared.
    pub experiment: &'a Experiment,
    /// Which of them.
    pub selection: Selection,
    /// Where analyses are written if the first checkpoint lies in no run.
    pub base: &'a Path,
    /// The folder for the results, instead of one beside the first checkpoint.
    pub output: Option<&'a Path>,
}

/// A search for a basin and what it found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basin {
    /// Version of this form.
    pub schema: u32,
    /// The two networks, and the images.
    pub inputs: Inputs,
    /// What was measured.
    pub loss: Loss,
    /// How it was searched.
    pub settings: Settings,
    /// Euclidean distance between the trained parameters of the two networks.
    pub distance: f64,
    /// Number n of trained parameters.
    pub parameters: usize,
    /// The search in words.
    pub search: String,
    /// The result, once the search has ended.
    pub found: Option<Found>,
}

impl Stored for Basin {
    fn name(&self) -> String {
        self.inputs.name("")
    }
}

/// Searches for the (epsilon, delta)-basin of the segment through two networks: the largest segment around them whose loss
/// stays within the tolerance, its epsilon, and the smallest delta that fulfils the definition.
///
/// Every measurement is appended to `points.jsonl` as it comes, and none is made twice: a search that was stopped goes on, and
/// one with another tolerance or loss takes what the last one measured. Returns the result and its folder.
///
/// # Errors
/// [`Error::Data`] for a checkpoint that is broken or of another architecture, [`Error::Diverged`] for one with values that
/// are not finite, [`Error::Usage`] for two checkpoints of one network, [`Error::Interrupted`] with the measurements so far
/// written.
pub fn basin(one: &Path, two: &Path, request: &Request, job: &Job) -> Result<(Basin, PathBuf)> {
    let Request { loss, settings, experiment, selection, .. } = *request;
    let dataset = selection.open(experiment)?;
    let [first, second] = [one, two].map(|path| Subject::load(path, experiment, &dataset, job));
    let (first, second) = (first?, second?);
    let mut landscape = Landscape::new(&first.network, &second.network);
    let line = landscape.line();
    if line.distance == 0.0 {
        let [one, two] = [one, two].map(Path::display);
        return Err(Error::usage(format!(
            "{one} and {two} have the same parameters, and no segment between them; choose two networks"
        )));
    }
    let mut result = Basin {
        schema: 1,
        inputs: Inputs::new(experiment, &dataset, selection.split, &[&first.source, &second.source]),
        loss,
        settings,
        distance: line.distance,
        parameters: line.parameters,
        search: STATEMENT.to_owned(),
        found: None,
    };
    let folder = first.source.result_folder("basin", &result.name(), request.base, request.output);
    result.known(&folder)?;
    let mut journal = Journal::<Measurement>::open(&folder, &result.name())?;
    let found = search::search(line, settings, |place| {
        if let Some(known) = journal.points.iter().find(|known| known.place == place) {
            return Ok(known.loss(loss));
        }
        let evaluation = landscape.measure(place, || selection.decode(&dataset, experiment, job), job)?;
        let measurement = Measurement::new(place, &evaluation);
        journal.add(measurement)?;
        job.emit(Event::Note(format!("{place}: {} {}", loss.name(), number::loss(measurement.loss(loss)))));
        Ok(measurement.loss(loss))
    })?;
    result.found = Some(found);
    result.save(&folder)?;
    chart(&result, &journal.points).save(&folder.join("line"))?;
    Ok((result, folder))
}
