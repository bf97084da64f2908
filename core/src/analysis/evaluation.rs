//! One checkpoint measured on the test images.

use std::path::{Path, PathBuf};

use super::selection::Selection;
use super::source::Source;
use super::subject::Subject;
use crate::checkpoint::{Location, Reader};
use crate::config::Experiment;
use crate::error::Result;
use crate::evaluate::predictions;
use crate::evaluate::{Evaluation, evaluate};
use crate::file::{digest, file_digest, folder_of, remove_temporaries};
use crate::job::Job;
use crate::run::{BEST_STEM, EPOCH_STEM, RunDir};

/// Measures a checkpoint, and stores what it says of every selected sample under the run's `predictions/`, or below `base` if the
/// checkpoint lies in no run. Returns the measurement and the file.
///
/// # Errors
/// [`crate::error::Error::Data`] for a checkpoint that is broken or of another architecture.
pub fn evaluate_checkpoint(
    location: &Location,
    experiment: &Experiment,
    selection: Selection,
    base: &Path,
    job: &Job,
) -> Result<(Evaluation, PathBuf)> {
    let dataset = selection.open(experiment)?;
    let subject = Subject::load(location, experiment, &dataset, job)?;
    let images = selection.decode(&dataset, experiment, job)?;
    let evaluation = evaluate(&subject.network, &images, job)?;
    let own_run = RunDir::of_checkpoint(location);
    let Source { sha256, metadata, .. } = &subject.source;
    let name = if is_own_data(own_run.as_ref(), experiment)? && selection == Selection::TEST {
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
    remove_temporaries(folder_of(&file));
    predictions::save(&file, &dataset, &evaluation, &about)?;
    Ok((evaluation, file))
}

/// The file of what a checkpoint says of the whole test split: one that training or [`evaluate_checkpoint`] has stored in its
/// run, or else measured now.
///
/// # Errors
/// Those of [`evaluate_checkpoint`].
pub fn stored_predictions(
    location: &Location,
    experiment: &Experiment,
    base: &Path,
    job: &Job,
) -> Result<PathBuf> {
    let run = RunDir::of_checkpoint(location);
    if let (Some(run), Some(path)) = (&run, location.file())
        && is_own_data(Some(run), experiment)?
    {
        let (epoch, sha256) = (Reader::open(path)?.metadata.remove("epoch"), file_digest(path)?);
        // Training says no digest; its checkpoints are known by their epoch.
        let stem = location.stem();
        let is_of_training = [EPOCH_STEM, BEST_STEM].iter().any(|name| stem.starts_with(name));
        for name in [stem.as_str(), "last", "best"] {
            let file = run.predictions(name);
            // A file that is broken or not there is measured anew.
            let Ok(Reader { metadata, .. }) = Reader::open(&file) else { continue };
            let is_same = match metadata.get("checkpoint_sha256") {
                Some(known) => *known == sha256,
                None => is_of_training && epoch.is_some() && metadata.get("epoch") == epoch.as_ref(),
            };
            if is_same && metadata.get("split").is_some_and(|split| split == Selection::TEST.split.name()) {
                return Ok(file);
            }
        }
    }
    evaluate_checkpoint(location, experiment, Selection::TEST, base, job).map(|(_, file)| file)
}

/// Whether an experiment's images are those that the run was trained and measured on.
fn is_own_data(run: Option<&RunDir>, experiment: &Experiment) -> Result<bool> {
    let record = run.map(RunDir::read_record).transpose()?.flatten();
    Ok(record.is_some_and(|record| record.experiment.data.wherever() == experiment.data.wherever()))
}
