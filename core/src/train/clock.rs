//! How fast a run is trained, and how long it will take.

use std::time::Instant;

use super::resume::{Position, Sums};
use crate::data::Labelling;
use crate::event::Event;

impl Sums {
    /// Images of the epoch trained on per second.
    pub fn images_per_second(&self) -> f64 {
        self.images as f64 / self.seconds.max(1e-9)
    }

    /// Share of decisions that were right against the unmixed labels, as a fraction.
    pub fn accuracy(&self, labelling: Labelling) -> f64 {
        self.correct as f64 / (self.images * labelling.decisions()) as f64
    }
}

/// Measures the parts of a run.
pub(super) struct Clock {
    last: Instant,
    /// Seconds that the evaluation after an epoch takes.
    evaluation: f64,
}

impl Clock {
    pub fn start() -> Self {
        Self { last: Instant::now(), evaluation: 0.0 }
    }

    /// Seconds since the last lap.
    pub fn lap(&mut self) -> f64 {
        let seconds = self.last.elapsed().as_secs_f64();
        self.last = Instant::now();
        seconds
    }

    /// Ends an evaluation.
    pub fn evaluated(&mut self) {
        self.evaluation = self.lap();
    }

    /// News of a step: means over the epoch so far.
    pub fn event(&self, position: &Position, epochs: usize, total: usize, labelling: Labelling) -> Event {
        let sums @ Sums { images, loss, .. } = position.sums;
        let epoch = position.epoch + 1;
        let images_per_second = sums.images_per_second();
        let (epochs_left, images_left) = (epochs - epoch, total - images);
        let training = (epochs_left * total + images_left) as f64 / images_per_second.max(1e-9);
        Event::Step {
            epoch,
            epochs,
            done: images,
            total,
            loss: loss / images as f64,
            accuracy: 100.0 * sums.accuracy(labelling),
            images_per_second,
            seconds_left: training + (epochs_left + 1) as f64 * self.evaluation,
        }
    }
}
