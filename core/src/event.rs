//! What the library tells the outside while it works. It never prints.

/// Who is told; from any thread.
pub type Emit<'a> = dyn Fn(Event) + Sync + 'a;

/// News of a running job.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A sentence for the log.
    Note(String),
    /// Images of a split are being decoded.
    Decoding {
        /// Its name.
        split: &'static str,
        /// Images done.
        done: usize,
        /// Images in all.
        total: usize,
    },
    /// Images are being evaluated.
    Evaluating {
        /// Images done.
        done: usize,
        /// Images in all.
        total: usize,
    },
    /// Files are being prepared, downloaded or looked at.
    Progress {
        /// What is being done, such as `shrinking`.
        what: String,
        /// How much is done.
        done: u64,
        /// How much there is in all.
        total: u64,
        /// What is counted, such as `images`.
        unit: &'static str,
    },
    /// A training step is done.
    Step {
        /// The epoch, from 1.
        epoch: usize,
        /// Epochs in all.
        epochs: usize,
        /// Images of this epoch that were trained on.
        done: usize,
        /// Images of an epoch.
        total: usize,
        /// Mean training loss of this epoch so far.
        loss: f64,
        /// Training accuracy of this epoch so far, percent.
        accuracy: f64,
        /// Images trained on per second.
        images_per_second: f64,
        /// Seconds until the run ends at this speed.
        seconds_left: f64,
    },
    /// An epoch is trained and evaluated.
    Epoch {
        /// The epoch; 0 before training.
        epoch: usize,
        /// Epochs in all.
        epochs: usize,
        /// Accuracy and loss of each split in a few words.
        summary: String,
    },
    /// A point of an interpolation is computed.
    Point {
        /// Position on the line.
        coefficient: f64,
        /// Accuracy and loss in a few words.
        summary: String,
        /// Points done.
        done: usize,
        /// Points in all.
        total: usize,
    },
}
