//! One checkpoint measured on the test images.

use std::path::{Path, PathBuf};

use super::subject::Subject;
use crate::config::Experiment;
use crate::data::{Dataset, Split};
use crate::error::Result;
use crate::job::Job;
use crate::run::RunDir;
use crate::train::eval_images;
use crate::train::evaluate::{Evaluation, evaluate};
use crate::train::predictions;

/// Measures a checkpoint, and stores what it says of every test sample under the run's `predictions/`, or below `base` if the
/// checkpoint lies in no run. Returns the measurement and the file.
///
/// # Errors
/// [`crate::error::Error::Data`] for a checkpoint that is broken or of another architecture.
pub fn evaluate_checkpoint(
    path: &Path,
    experiment: &Experiment,
    base: &Path,
    job: &Job,
) -> Result<(Evaluation, PathBuf)> {
    let dataset = Dataset::open(&experiment.data, Split::Test)?;
    let subject = Subject::load(path, experiment, &dataset, &job.device)?;
    let images = eval_images(experiment, &dataset, Split::Test, job)?;
    let evaluation = evaluate(&subject.network, &images, job)?;
    let run = RunDir::of_checkpoint(path).unwrap_or_else(|| RunDir::at(base.to_owned()));
    let file = run.predictions(&subject.source.stem());
    predictions::save(
        &file,
        &dataset,
        &evaluation,
        subject.source.metadata.get("epoch").map(String::as_str),
    )?;
    Ok((evaluation, file))
}
