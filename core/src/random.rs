//! Sources of chance: NumPy's generator where the reference draws through NumPy, a keyed one for all else.

mod keyed;
pub mod numpy;

pub use keyed::{Keyed, Purpose};

/// Mixup's coefficient for one batch: `RandomState(seed).beta(alpha, alpha)`, the seed drawn for (run, epoch, step).
pub fn mixup_coefficient(seed: u64, epoch: u64, step: u64, alpha: f64) -> f64 {
    let seed = Keyed::new(seed, Purpose::Mixup, epoch, step).next_u32();
    numpy::RandomState::new(seed).beta(alpha, alpha)
}
