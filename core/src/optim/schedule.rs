//! Learning rates over epochs, as PyTorch's schedulers compute them: a file for each.

mod cosine_annealing;
mod exponential;
mod linear;
mod multi_step;
mod step;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::setting::{Section, Setting, settings};

/// How the learning rate changes after each epoch. Its fields are PyTorch's arguments.
pub trait Schedule {
    /// The learning rate of a group that starts with the rate `base`, when `over` epochs are over.
    fn rate(&self, base: f64, over: usize) -> f64;

    /// Checks the arguments.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] naming the argument that is out of its range.
    fn check(&self, section: Section) -> Result<()>;
}

macro_rules! schedulers {
    ($($file:ident::$name:ident),* $(,)?) => {
        $(pub use $file::$name;)*

        /// A schedule, chosen as `lr_scheduler.name` with its arguments in `lr_scheduler.kwargs`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "name", content = "kwargs", deny_unknown_fields)]
        pub enum LrScheduler {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name)),*
        }

        impl LrScheduler {
            fn schedule(&self) -> &dyn Schedule {
                match self { $(Self::$name(schedule) => schedule),* }
            }

            /// The arguments of all schedules, as settings.
            pub fn arguments() -> Vec<Setting> {
                [$(settings::<$name>("lr_scheduler.kwargs")),*].concat()
            }
        }
    };
}

schedulers! {
    step::StepLR,
    multi_step::MultiStepLR,
    exponential::ExponentialLR,
    cosine_annealing::CosineAnnealingLR,
    linear::LinearLR,
}

impl LrScheduler {
    /// Checks the arguments.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] naming the argument that is out of its range.
    pub fn check(&self) -> Result<()> {
        self.schedule().check(Section("lr_scheduler.kwargs"))
    }
}

/// A warm-up: the learning rate rises in a straight line, and meets the base rate after some epochs (timm's `warmup_t`). The schedule
/// counts the epochs of the warm-up too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmUp {
    /// Epochs of it; 0 for none.
    pub epochs: usize,
    /// Rate of the first epoch, as a fraction of the base rate.
    pub start: f64,
}

/// The learning rate of a group with the rate `base` while epoch `epoch` is trained; the first epoch is 1.
pub fn learning_rate(base: f64, warm_up: WarmUp, scheduler: Option<&LrScheduler>, epoch: usize) -> f64 {
    // PyTorch counts the epochs that are over.
    let over = epoch - 1;
    if over < warm_up.epochs {
        let start = warm_up.start * base;
        return start + over as f64 * (base - start) / warm_up.epochs as f64;
    }
    scheduler.map_or(base, |scheduler| scheduler.schedule().rate(base, over))
}

/// `base` times `gamma`, `times` times: multiplied step by step, as PyTorch does, so that the rounding is the same too.
fn decayed(base: f64, gamma: f64, times: usize) -> f64 {
    (0..times).fold(base, |rate, _| rate * gamma)
}

/// PyTorch's default of `gamma`.
fn tenth() -> f64 {
    0.1
}
