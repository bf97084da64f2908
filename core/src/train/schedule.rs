//! Learning rates over epochs, as PyTorch's schedulers compute them.

use std::f64::consts::PI;

use crate::config::LrScheduler;

/// The learning rate of a group with the rate `base` while epoch `epoch` is trained; the first epoch is 1.
pub fn learning_rate(base: f64, scheduler: Option<&LrScheduler>, epoch: usize) -> f64 {
    // Multiplied step by step, as PyTorch does, so that the rounding is the same too.
    let multiplied = |gamma: &f64, times: usize| (0..times).fold(base, |lr, _| lr * gamma);
    // PyTorch counts the epochs that are over.
    let over = epoch - 1;
    match scheduler {
        None => base,
        Some(LrScheduler::StepLR { step_size, gamma }) => multiplied(gamma, over / step_size),
        Some(LrScheduler::MultiStepLR { milestones, gamma }) => {
            multiplied(gamma, milestones.iter().filter(|milestone| **milestone <= over).count())
        }
        Some(LrScheduler::ExponentialLR { gamma }) => multiplied(gamma, over),
        Some(LrScheduler::CosineAnnealingLR { t_max, eta_min }) => {
            eta_min + (base - eta_min) * (1.0 + (PI * over as f64 / *t_max as f64).cos()) / 2.0
        }
        Some(LrScheduler::LinearLR { start_factor, end_factor, total_iters }) => {
            let share = over.min(*total_iters) as f64 / *total_iters as f64;
            base * (start_factor + (end_factor - start_factor) * share)
        }
    }
}
