//! Running statistics of batch normalisation between networks.
//!
//! The mean of two networks' statistics is not the statistics of their mean: activations between networks that were trained apart
//! shrink, and the line shows a barrier that new statistics take away (Jordan et al. 2023, "REPAIR"; Izmailov et al. 2018,
//! `update_bn`).

use serde::{Deserialize, Serialize};

use super::selection::Selection;
use super::settings::{Commas, choices};
use crate::config::Experiment;
use crate::data::{EvalImages, Split};
use crate::error::Result;
use crate::evaluate::{batches, image_batch};
use crate::job::Job;
use crate::model::Network;

/// Training images that statistics are measured on at most.
const IMAGES: usize = 2048;

/// Which running statistics a network between others has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunningStatistics {
    /// Measured anew on training images.
    Measured,
    /// Those of the networks, averaged as their weights are.
    Averaged,
}

choices!(RunningStatistics, "kind of running statistics": Measured = "measured", Averaged = "averaged");

impl RunningStatistics {
    /// Both kinds, as an option.
    pub(super) fn all() -> Commas<Self> {
        Commas(vec![Self::Measured, Self::Averaged])
    }

    /// What a result's name says of them, so that results of both kinds lie apart.
    pub(super) fn in_name(kind: Option<Self>) -> &'static str {
        match kind {
            Some(Self::Measured) => "statistics measured",
            Some(Self::Averaged) | None => "",
        }
    }

    /// A sentence about results of which one at least was measured so; nothing where none was.
    pub(super) fn in_caption(mut kinds: impl Iterator<Item = Option<Self>>) -> &'static str {
        match kinds.any(|kind| kind == Some(Self::Measured)) {
            true => {
                " The running statistics of batch normalisation are measured anew on training images at each point."
            }
            false => "",
        }
    }
}

/// The images that statistics are measured on: of the training split in evaluation mode, evenly spaced.
#[derive(Debug)]
pub struct TrainingImages(EvalImages);

impl TrainingImages {
    /// Decodes them where a result's statistics are measured.
    ///
    /// # Errors
    /// Those of [`Self::decode`].
    pub(super) fn of(
        kind: Option<RunningStatistics>,
        experiment: &Experiment,
        job: &Job,
    ) -> Result<Option<Self>> {
        let is_measured = kind == Some(RunningStatistics::Measured);
        is_measured.then(|| Self::decode(experiment, job)).transpose()
    }

    /// Decodes them.
    ///
    /// # Errors
    /// Those of [`Selection::open`] and [`Selection::decode`].
    pub fn decode(experiment: &Experiment, job: &Job) -> Result<Self> {
        let selection = Selection { split: Split::EvalTrain, samples: Some(IMAGES) };
        let dataset = selection.open(experiment)?;
        Ok(Self(selection.decode(&dataset, experiment, job)?))
    }

    /// The network with the mean of the statistics of their batches, as PyTorch's `momentum=None` takes it.
    ///
    /// # Errors
    /// [`Error::Stopped`](crate::error::Error) if the job is stopped.
    pub fn measure(&self, mut network: Network, job: &Job) -> Result<Network> {
        for range in batches(&self.0) {
            job.check()?;
            let share = range.len() as f64 / range.end as f64;
            network.observe(image_batch(&self.0, range, &job.device), share);
        }
        Ok(network)
    }
}
