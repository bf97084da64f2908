//! What PyTorch keeps in `torch.optim`: update rules, learning-rate schedules, groups of parameters and penalties on weights.
//! Each rule and each schedule is one file with its arguments as a type, their ranges, and its arithmetic.

pub mod rule;
pub mod schedule;

mod groups;
mod optimizer;
mod regularizer;

pub use optimizer::{Memory, Optimizer};
pub use regularizer::{Anchor, Penalty, Regularizers, WeightRegularizer};
pub use rule::{OptimizerSettings, UpdateRule};
pub use schedule::{LrScheduler, WarmUp, learning_rate};
