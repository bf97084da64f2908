//! The images that an analysis looks at.

use crate::config::Experiment;
use crate::data::{Dataset, EvalImages, Split, source};
use crate::error::{Error, Result};
use crate::evaluate::splits::eval_images;
use crate::job::Job;

/// Which images of an experiment, all of them in evaluation mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// The split.
    pub split: Split,
    /// How many of its samples, evenly spaced over its list; all unless set.
    pub samples: Option<usize>,
}

impl Selection {
    /// The whole test split.
    pub const TEST: Self = Self { split: Split::Test, samples: None };

    /// Opens the selected samples.
    ///
    /// # Errors
    /// [`Error::Usage`] for a selection without samples or a split that the data has not, and those of [`Dataset::open`].
    pub fn open(self, experiment: &Experiment) -> Result<Dataset> {
        if self.samples == Some(0) {
            return Err(Error::usage("a selection of 0 samples is empty; choose at least 1"));
        }
        if self.split == Split::Dev && !source(&experiment.data.name)?.splits().contains(&self.split) {
            let name = &experiment.data.name;
            return Err(Error::usage(format!("{name} has no dev split; choose test or train")));
        }
        let dataset = Dataset::open(&experiment.data, self.split)?;
        Ok(match self.samples {
            Some(count) => dataset.evenly(count),
            None => dataset,
        })
    }

    /// Decodes the evaluation crops of what was opened.
    ///
    /// # Errors
    /// Those of [`eval_images`].
    pub fn decode(self, dataset: &Dataset, experiment: &Experiment, job: &Job) -> Result<EvalImages> {
        eval_images(experiment, dataset, self.split, job)
    }
}
