//! The features of modules, a few images at a time.

use std::cell::Cell;

use burn::tensor::{Tensor, TensorData};

use super::unit::Choice;
use crate::analysis::subject::Subject;
use crate::data::EvalImages;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;

/// Networks, the images that they are shown, and how far that is.
pub(super) struct Extraction<'a> {
    pub subjects: &'a [Subject],
    pub images: &'a EvalImages,
    pub job: &'a Job<'a>,
    done: Cell<u64>,
    total: Cell<u64>,
}

impl<'a> Extraction<'a> {
    pub fn new(subjects: &'a [Subject], images: &'a EvalImages, job: &'a Job<'a>) -> Self {
        Self { subjects, images, job, done: Cell::new(0), total: Cell::new(0) }
    }

    /// Says how many passes over the images there will be.
    pub fn expect(&self, passes: usize) {
        self.total.set((passes * self.images.len()) as u64);
    }

    /// Height, width and channels of each unit.
    pub fn shapes(&self, choice: &Choice) -> Result<Vec<[usize; 3]>> {
        let mut shapes = vec![[0; 3]; choice.units.len()];
        for (network, subject) in self.subjects.iter().enumerate() {
            let units: Vec<usize> = choice.of(network).collect();
            let stages: Vec<usize> = units.iter().map(|unit| choice.units[*unit].stage).collect();
            subject.network.features(self.tensor(&[0]), &stages, |stage, x| {
                let [_, height, width, channels] = x.dims();
                let same = units.iter().filter(|unit| choice.units[**unit].stage == stage);
                same.for_each(|unit| shapes[*unit] = [height, width, channels]);
                Ok::<_, Error>(())
            })?;
        }
        Ok(shapes)
    }

    /// Shows one network some samples.
    pub fn show(
        &self,
        network: usize,
        samples: &[usize],
        stages: &[usize],
        take: impl FnMut(usize, Tensor<4>) -> Result<()>,
    ) -> Result<()> {
        self.job.check()?;
        let subject = &self.subjects[network];
        let what = format!("features of {}", subject.source.stem());
        self.job.emit(Event::Progress {
            what,
            done: self.done.get(),
            total: self.total.get(),
            unit: "images",
        });
        subject.network.features(self.tensor(samples), stages, take)?;
        self.done.set(self.done.get() + samples.len() as u64);
        Ok(())
    }

    /// What to say of features that are not finite.
    pub fn not_finite(&self, choice: &Choice, unit: usize) -> Error {
        let unit = &choice.units[unit];
        Error::Diverged(format!(
            "the features of {} in {} are not finite, or their products exceed single precision; choose a checkpoint that has not diverged",
            unit.label, self.subjects[unit.network].source.location
        ))
    }

    fn tensor(&self, samples: &[usize]) -> Tensor<4> {
        let batch = self.images.samples(samples.to_vec());
        let shape = [samples.len(), 3, batch.size, batch.size];
        Tensor::from_data(TensorData::new(batch.images, shape), &self.job.device)
    }
}
