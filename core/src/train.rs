//! Training.

pub mod loss;
pub mod mixup;
pub mod optimizer;
pub mod sgd;
