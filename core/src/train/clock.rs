//! How fast an epoch is trained.

use std::time::Instant;

use super::resume::{Position, Sums};
use crate::event::Event;

/// Runs since the first step of an epoch, or since it was resumed.
pub(super) struct Clock {
    since: Instant,
    images_before: usize,
}

impl Clock {
    pub fn start(images_before: usize) -> Self {
        Self { since: Instant::now(), images_before }
    }

    pub fn images_per_second(&self, images: usize) -> f64 {
        (images - self.images_before) as f64 / self.since.elapsed().as_secs_f64().max(1e-9)
    }

    /// News of a step: means over the epoch so far.
    pub fn event(&self, position: &Position, epochs: usize, total: usize) -> Event {
        let Sums { images, correct, loss } = position.sums;
        let epoch = position.epoch + 1;
        let images_per_second = self.images_per_second(images);
        let images_left = (epochs - epoch) * total + total - images;
        Event::Step {
            epoch,
            epochs,
            done: images,
            total,
            loss: loss / images as f64,
            accuracy: 100.0 * correct as f64 / images as f64,
            images_per_second,
            seconds_left: images_left as f64 / images_per_second.max(1e-9),
        }
    }
}
