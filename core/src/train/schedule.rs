//! Learning rates over epochs, as PyTorch's schedulers compute them.

use crate::config::{LrScheduler, Optimizer};

/// The learning rate of the default group while epoch `epoch` is trained; the first epoch is 1.
///
/// `MultiStepLR`: multiplied by gamma after each milestone, once per time it is listed.
pub fn learning_rate(optimizer: &Optimizer, scheduler: Option<&LrScheduler>, epoch: usize) -> f64 {
    let Some(scheduler) = scheduler else { return optimizer.base_lr };
    let passed = scheduler.kwargs.milestones.iter().filter(|milestone| **milestone < epoch).count();
    // Multiplied step by step, as PyTorch does, so that the rounding is the same too.
    (0..passed).fold(optimizer.base_lr, |lr, _| lr * scheduler.kwargs.gamma)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LrSchedulerKwargs, OptimizerKwargs};

    #[test]
    fn the_rate_falls_after_each_milestone() {
        let optimizer = Optimizer {
            name: "SGD".into(),
            base_lr: 0.1,
            weight_decay: 0.0,
            kwargs: OptimizerKwargs { momentum: 0.9 },
        };
        let kwargs = LrSchedulerKwargs { milestones: vec![2, 4], gamma: 0.1 };
        let scheduler = LrScheduler { name: "MultiStepLR".into(), kwargs };
        let rates: Vec<f64> =
            (1..=5).map(|epoch| learning_rate(&optimizer, Some(&scheduler), epoch)).collect();
        assert_eq!(rates, [0.1, 0.1, 0.1 * 0.1, 0.1 * 0.1, 0.1 * 0.1 * 0.1]);
        assert_eq!(learning_rate(&optimizer, None, 99), 0.1);
    }
}
