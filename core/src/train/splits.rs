//! The two splits of an experiment's data, and a network measured on both.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::evaluate::{Evaluation, evaluate};
use crate::config::Experiment;
use crate::data::{Augment, Dataset, EvalImages, Pipeline, Split};
use crate::error::Result;
use crate::event::Event;
use crate::job::Job;
use crate::model::Network;

/// The two splits of an experiment's data.
#[derive(Debug, Clone)]
pub struct Splits {
    /// What the network learns from.
    pub train: Arc<Dataset>,
    /// What it is measured on.
    pub test: Arc<Dataset>,
}

impl Splits {
    /// Opens both.
    ///
    /// # Errors
    /// Those of [`Dataset::open`].
    pub fn open(experiment: &Experiment) -> Result<Self> {
        let open = |split| Dataset::open(&experiment.data, split).map(Arc::new);
        Ok(Self { train: open(Split::Train)?, test: open(Split::Test)? })
    }

    /// SHA-256 of each split's ids and labels.
    pub fn digests(&self) -> BTreeMap<String, String> {
        let digest = |split: Split, data: &Dataset| (split.name().to_owned(), data.digest());
        BTreeMap::from([digest(Split::Train, &self.train), digest(Split::Test, &self.test)])
    }

    /// Decodes the evaluation crops of both.
    pub(super) fn eval_images(&self, experiment: &Experiment, job: &Job) -> Result<EvalSplits> {
        Ok(EvalSplits {
            train: eval_images(experiment, &self.train, Split::Train, job)?,
            test: eval_images(experiment, &self.test, Split::Test, job)?,
        })
    }
}

/// Decodes the evaluation crops of one split, once for all passes over it.
///
/// # Errors
/// Those of [`EvalImages::new`], and [`crate::error::Error::Interrupted`].
pub fn eval_images(
    experiment: &Experiment,
    dataset: &Dataset,
    split: Split,
    job: &Job,
) -> Result<EvalImages> {
    let pipeline = Pipeline::new(&experiment.data.configs, Augment::Eval)?;
    let total = dataset.len();
    EvalImages::new(dataset, &pipeline, |done| {
        job.emit(Event::Decoding { split: split.name(), done, total });
        job.check()
    })
}

/// The evaluation crops of both splits.
pub(super) struct EvalSplits {
    train: EvalImages,
    test: EvalImages,
}

/// A network measured on both splits, in evaluation mode.
pub(super) struct Evaluations {
    pub train: Evaluation,
    pub test: Evaluation,
}

impl EvalSplits {
    pub fn evaluate(&self, network: &Network, job: &Job) -> Result<Evaluations> {
        Ok(Evaluations {
            test: evaluate(network, &self.test, job)?,
            train: evaluate(network, &self.train, job)?,
        })
    }
}
