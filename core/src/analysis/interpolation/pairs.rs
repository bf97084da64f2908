//! The lines between any two of several networks.

use std::path::{Path, PathBuf};

use super::chart::{bars, chart};
use super::{Images, Interpolation, Request, measure};
use crate::analysis::names::short_names;
use crate::analysis::record::{Inputs, Stored as _};
use crate::analysis::subject::Subject;
use crate::error::Result;
use crate::event::Event;
use crate::figure::Figure as _;
use crate::job::Job;

/// All lines between some networks.
#[derive(Debug)]
pub struct Pairs {
    /// From the first network to each after it, then from the second, and so on.
    pub lines: Vec<Line>,
    /// The folder of the figures that show them together.
    pub folder: PathBuf,
}

/// A line of several.
#[derive(Debug)]
pub struct Line {
    /// What figures call it: the names of its checkpoints, with the folders that not all share if it takes them.
    pub label: String,
    /// What was measured.
    pub result: Interpolation,
    /// Its folder.
    pub folder: PathBuf,
}

/// Measures the line between any two of the checkpoints, each as [`interpolate`](super::interpolate) does, but with images
/// that are decoded once for all, and draws them and their barriers together. With [`Request::output`] each line has a folder
/// in that one.
///
/// # Errors
/// Those of [`interpolate`](super::interpolate); all checkpoints are read before the first point is measured.
pub fn all_pairs(checkpoints: &[PathBuf], request: &Request, job: &Job) -> Result<Pairs> {
    let mut images = Images::open(request)?;
    let subjects = checkpoints
        .iter()
        .map(|path| Subject::load(path, request.experiment, &images.dataset, job))
        .collect::<Result<Vec<Subject>>>()?;
    let sources: Vec<_> = subjects.iter().map(|subject| &subject.source).collect();
    let inputs = Inputs::new(request.experiment, &images.dataset, request.selection.split, &sources);
    let folder = match (request.output, subjects.first()) {
        (None, Some(first)) => {
            first.source.analysis_folder(request.base).join("all-pairs").join(inputs.name(""))
        }
        (output, _) => output.unwrap_or(request.base).to_owned(),
    };
    let paths: Vec<&Path> = checkpoints.iter().map(PathBuf::as_path).collect();
    let names = short_names(&paths);
    let mut lines = Vec::new();
    for (at, one) in subjects.iter().enumerate() {
        for (two, name) in subjects.iter().zip(&names).skip(at + 1) {
            let label = format!("{} to {name}", names[at]);
            job.emit(Event::Note(format!("the line from {label}")));
            let own = Interpolation::new(request, &images.dataset, [&one.source, &two.source]).name();
            let own = request.output.map(|output| output.join(own));
            let request = Request { output: own.as_deref(), ..*request };
            let (result, folder) = measure(one, two, &request, &mut images, job)?;
            lines.push(Line { label, result, folder });
        }
    }
    let labelled: Vec<_> = lines.iter().map(|line| (line.label.as_str(), &line.result)).collect();
    for metric in lines.first().map_or(Vec::new(), |line| line.result.metrics()) {
        chart(metric, &labelled).save(&folder.join(metric.name()))?;
        bars(metric, &labelled).save(&folder.join(format!("barrier-{}", metric.name())))?;
    }
    Ok(Pairs { lines, folder })
}
