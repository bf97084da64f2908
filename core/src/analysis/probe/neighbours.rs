//! k nearest neighbours by cosine similarity, whose votes are weighted by a softmax (Wu et al. 2018; Caron et al. 2021).

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::evaluate::largest;
use crate::event::Event;
use crate::job::Job;

/// Similarities that a task holds at once.
const SIMILARITIES: usize = 1 << 23;
/// Images of a task at most.
const IMAGES: usize = 256;
/// Tasks between two questions whether to stop.
const TASKS: usize = 64;

/// How neighbours vote.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbours {
    /// k, those that vote.
    pub count: usize,
    /// T: the vote of a neighbour counts `exp(similarity / T)`, over the sum of that of all k.
    pub temperature: f64,
}

impl Neighbours {
    /// Says what is wrong with the settings for so many training images.
    ///
    /// # Errors
    /// [`Error::Usage`] for a temperature that is not positive, or for a k of 0 or above the number of images.
    pub fn check(self, samples: usize) -> Result<()> {
        let Self { count, temperature } = self;
        if !(1..=samples).contains(&count) {
            return Err(Error::usage(format!(
                "--neighbours is {count}, and there are {samples} training images; choose from 1 to {samples}"
            )));
        }
        match temperature > 0.0 && temperature.is_finite() {
            true => Ok(()),
            false => Err(Error::usage(format!("--temperature is {temperature}; choose one greater than 0"))),
        }
    }

    /// The class with most votes for each of the images whose features are `tested` `[images, width]`, among training images with the
    /// features `train` `[samples, width]`; both are brought to length 1.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn answers(
        self,
        train: &mut [f32],
        labels: &[usize],
        tested: &mut [f32],
        classes: usize,
        job: &Job,
    ) -> Result<Vec<usize>> {
        let width = train.len() / labels.len();
        normalise(train, width);
        normalise(tested, width);
        let (train, images) = (&*train, tested.len() / width);
        let task = (SIMILARITIES / labels.len()).clamp(1, IMAGES);
        let mut answers = Vec::with_capacity(images);
        for tested in tested.chunks(TASKS * task * width) {
            job.check()?;
            let (what, done, total) = ("voting".to_owned(), answers.len() as u64, images as u64);
            job.emit(Event::Progress { what, done, total, unit: "images" });
            let tasks = tested.par_chunks(task * width);
            let votes = tasks.map(|tested| self.votes(train, labels, tested, classes));
            let found = votes.map(|votes| votes.chunks_exact(classes).map(largest).collect());
            answers.extend(found.collect::<Vec<Vec<usize>>>().concat());
        }
        Ok(answers)
    }

    /// The share of the votes that each class has, `[images, classes]`; features have length 1.
    pub fn votes(self, train: &[f32], labels: &[usize], tested: &[f32], classes: usize) -> Vec<f64> {
        let samples = labels.len();
        let width = train.len() / samples;
        let images = tested.len() / width;
        let mut similarities = vec![0.0_f32; images * samples];
        matmul(
            MatMut::from_row_major_slice_mut(&mut similarities, images, samples),
            Accum::Replace,
            MatRef::from_row_major_slice(tested, images, width),
            MatRef::from_row_major_slice(train, samples, width).transpose(),
            1.0,
            Par::Seq,
        );
        let mut order: Vec<usize> = Vec::new();
        let mut votes = vec![0.0; images * classes];
        for (similarities, votes) in similarities.chunks_exact(samples).zip(votes.chunks_exact_mut(classes)) {
            order.clear();
            order.extend(0..samples);
            // Of equals, the earlier one is nearer.
            let nearer = |one: &usize, two: &usize| {
                similarities[*two].total_cmp(&similarities[*one]).then(one.cmp(two))
            };
            let nearest = if self.count < samples {
                order.select_nth_unstable_by(self.count, nearer).0
            } else {
                &mut order[..]
            };
            // The order of a sum must not depend on how the nearest were found.
            nearest.sort_unstable();
            let most = nearest.iter().map(|one| similarities[*one]).fold(f32::NEG_INFINITY, f32::max);
            for neighbour in &*nearest {
                let behind = f64::from(similarities[*neighbour]) - f64::from(most);
                votes[labels[*neighbour]] += (behind / self.temperature).exp();
            }
            let sum: f64 = votes.iter().sum();
            votes.iter_mut().for_each(|vote| *vote /= sum);
        }
        votes
    }
}

/// Brings rows of `width` values to length 1; those of zeros stay.
pub fn normalise(rows: &mut [f32], width: usize) {
    rows.par_chunks_exact_mut(width).for_each(|row| {
        let norm = row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if norm > 0.0 {
            row.iter_mut().for_each(|value| *value = (f64::from(*value) / norm) as f32);
        }
    });
}
