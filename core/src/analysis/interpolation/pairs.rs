//! The lines between any two of several networks.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::chart::{bars, chart};
use super::{Images, Interpolation, Request, measure};
use crate::analysis::record::{Inputs, Stored as _};
use crate::analysis::subject::Subject;
use crate::checkpoint::stem;
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
        .map(|path| Subject::load(path, request.experiment, &images.dataset, &job.device))
        .collect::<Result<Vec<Subject>>>()?;
    let sources: Vec<_> = subjects.iter().map(|subject| &subject.source).collect();
    let inputs = Inputs::new(request.experiment, &images.dataset, request.selection.split, &sources);
    let folder = match (request.output, subjects.first()) {
        (None, Some(first)) => first.analysis_folder(request.base).join("all-pairs").join(inputs.name("")),
        (output, _) => output.unwrap_or(request.base).to_owned(),
    };
    let names = short_names(checkpoints);
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

/// The names of the files without their endings, if they tell the files apart; else also the folders that not all share.
fn short_names(paths: &[PathBuf]) -> Vec<String> {
    let stems: Vec<String> = paths.iter().map(|path| stem(path)).collect();
    if stems.iter().collect::<HashSet<_>>().len() == stems.len() {
        return stems;
    }
    let parts = |path: &PathBuf| -> Vec<String> {
        let folders = path.parent().unwrap_or(Path::new("")).iter().map(OsStr::to_string_lossy);
        folders.map(String::from).chain([stem(path)]).collect()
    };
    let all: Vec<Vec<String>> = paths.iter().map(parts).collect();
    let own = |(parts, stem): (&Vec<String>, String)| {
        let is_shared = |part: &&String| all.iter().all(|others| others.contains(part));
        let own: Vec<&str> = parts.iter().filter(|part| !is_shared(part)).map(String::as_str).collect();
        if own.is_empty() { stem } else { own.join("/") }
    };
    all.iter().zip(stems).map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_called_by_what_tells_them_apart() {
        let names = |paths: &[&str]| short_names(&paths.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(
            names(&[
                "runs-rep1/clipart/tuned/checkpoints/ckpt-E006.safetensors",
                "runs-rep2/clipart/tuned/checkpoints/ckpt-E006.safetensors",
                "runs-rep1/clipart/scratch/checkpoints/ckpt-E006.safetensors",
            ]),
            ["runs-rep1/tuned", "runs-rep2/tuned", "runs-rep1/scratch"]
        );
        assert_eq!(names(&["a/1.pth.tar", "b/2.pth.tar"]), ["1", "2"]);
        assert_eq!(names(&["a/1.pth", "a/1.pth"]), ["1", "1"]);
    }
}
