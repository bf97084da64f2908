//! Sources of chance: NumPy's generator where the reference draws through NumPy, a keyed one for all else.

mod keyed;
pub mod numpy;

pub use keyed::{Keyed, Purpose};

/// Mixup's coefficients for one step: draws of `RandomState(seed).beta(alpha, alpha)`, the seed drawn for (run, epoch, step).
pub fn mixup_coefficients(seed: u64, epoch: u64, step: u64, alpha: f64, count: usize) -> Vec<f64> {
    let seed = Keyed::new(seed, Purpose::Mixup, epoch, step).next_u32();
    let mut random = numpy::RandomState::new(seed);
    (0..count).map(|_| random.beta(alpha, alpha)).collect()
}
