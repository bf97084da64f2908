//! The splits of an experiment's data, and a network measured on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Evaluation, evaluate};
use crate::config::Experiment;
use crate::data::{Augment, Dataset, EvalImages, Pipeline, Split, source};
use crate::error::Result;
use crate::event::Event;
use crate::job::Job;
use crate::model::Network;

/// The splits of an experiment's data.
#[derive(Debug, Clone)]
pub struct Splits {
    /// What the network learns from.
    pub train: Arc<Dataset>,
    /// What it is measured on.
    pub test: Arc<Dataset>,
    /// What it is measured on beside the test images.
    pub others: Vec<(Split, Arc<Dataset>)>,
}

impl Splits {
    /// Opens the training set, the test set, and what else the data set has evaluated. The training set is opened once, unless
    /// training visits some images twice.
    ///
    /// # Errors
    /// Those of [`Dataset::open`].
    pub fn open(experiment: &Experiment) -> Result<Self> {
        let open = |split| Dataset::open(&experiment.data, split).map(Arc::new);
        let train = open(Split::Train)?;
        let others = source(&experiment.data.name)?.evaluated().iter().map(|split| match split {
            Split::EvalTrain if !train.repeats_images() => Ok((*split, train.clone())),
            split => Ok((*split, open(*split)?)),
        });
        let others = others.collect::<Result<_>>()?;
        Ok(Self { train, test: open(Split::Test)?, others })
    }

    /// SHA-256 of each split's ids and labels.
    pub fn digests(&self) -> BTreeMap<String, String> {
        let others = self.others.iter().filter(|(split, _)| *split != Split::EvalTrain);
        let others = others.map(|(split, data)| (*split, data));
        let all = [(Split::Train, &self.train), (Split::Test, &self.test)].into_iter().chain(others);
        all.map(|(split, data)| (split.name().to_owned(), data.digest())).collect()
    }

    /// Decodes the evaluation crops of all.
    pub(crate) fn eval_images(&self, experiment: &Experiment, job: &Job) -> Result<EvalSplits> {
        let decode = |split, data: &Dataset| eval_images(experiment, data, split, job);
        let others = self.others.iter().map(|(split, data)| Ok((*split, decode(*split, data)?)));
        let others = others.collect::<Result<_>>()?;
        Ok(EvalSplits { test: decode(Split::Test, &self.test)?, others })
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
    let pipeline = Pipeline::new(&experiment.data, Augment::Eval)?;
    let total = dataset.len();
    EvalImages::new(dataset, &pipeline, |done| {
        job.emit(Event::Decoding { split: split.name(), done, total });
        job.check()
    })
}

/// The evaluation crops of the splits.
pub(crate) struct EvalSplits {
    test: EvalImages,
    others: Vec<(Split, EvalImages)>,
}

/// A network measured on the splits, in evaluation mode.
pub(crate) struct Evaluations {
    pub test: Evaluation,
    pub others: Vec<(Split, Evaluation)>,
    /// On the test images, with averaged weights.
    pub average: Option<Evaluation>,
}

impl EvalSplits {
    /// `average` is the same network with averaged weights, if there is one.
    pub fn evaluate(&self, network: &Network, average: Option<&Network>, job: &Job) -> Result<Evaluations> {
        let test = evaluate(network, &self.test, job)?;
        let others = self.others.iter().map(|(split, images)| Ok((*split, evaluate(network, images, job)?)));
        let others = others.collect::<Result<_>>()?;
        let average = average.map(|average| evaluate(average, &self.test, job)).transpose()?;
        Ok(Evaluations { test, others, average })
    }
}

impl Evaluations {
    /// All of them in a few words.
    pub fn summary(&self) -> String {
        let others = self.others.iter().map(|(split, evaluation)| evaluation.summary(split.title()));
        let average = self.average.iter().map(|evaluation| evaluation.summary("EMA test"));
        std::iter::once(self.test.summary("test")).chain(others).chain(average).collect::<Vec<_>>().join(", ")
    }
}
