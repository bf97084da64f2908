//! One checkpoint measured on the test images.

use std::path::{Path, PathBuf};

use super::selection::Selection;
use super::subject::{Source, Subject};
use crate::config::Experiment;
use crate::error::Result;
use crate::file::digest;
use crate::job::Job;
use crate::run::RunDir;
use crate::train::evaluate::{Evaluation, evaluate};
use crate::train::predictions;

/// Measures a checkpoint, and stores what it says of every selected sample under the run's `predictions/`, or below `base` if the
/// checkpoint lies in no run. Returns the measurement and the file.
///
/// # Errors
/// [`crate::error::Error::Data`] for a checkpoint that is broken or of another architecture.
pub fn evaluate_checkpoint(
    path: &Path,
    experiment: &Experiment,
    selection: Selection,
    base: &Path,
    job: &Job,
) -> Result<(Evaluation, PathBuf)> {
    let dataset = selection.open(experiment)?;
    let subject = Subject::load(path, experiment, &dataset, &job.device)?;
    let images = selection.decode(&dataset, experiment, job)?;
    let evaluation = evaluate(&subject.network, &images, job)?;
    let own_run = RunDir::of_checkpoint(path);
    let record = own_run.as_ref().map(RunDir::read_record).transpose()?.flatten();
    let images_of = |experiment: &Experiment| experiment.data.wherever();
    let is_own_data = record.is_some_and(|record| images_of(&record.experiment) == images_of(experiment));
    let Source { sha256, metadata, .. } = &subject.source;
    let name = if is_own_data && selection == Selection::TEST {
        subject.source.stem()
    } else {
        // Other images, or a checkpoint that shares the folder with others: the name must not.
        let digest = digest(format!("{sha256} {} {:?} {selection:?}", dataset.digest(), experiment.data));
        format!("{}-{}", subject.source.stem(), &digest[..8])
    };
    let file = own_run.unwrap_or_else(|| RunDir::at(base.to_owned())).predictions(&name);
    let mut about = vec![
        ("data", experiment.data.name.as_str()),
        ("split", selection.split.name()),
        ("checkpoint_sha256", sha256),
    ];
    about.extend(metadata.get("epoch").map(|epoch| ("epoch", epoch.as_str())));
    predictions::save(&file, &dataset, &evaluation, &about)?;
    Ok((evaluation, file))
}
