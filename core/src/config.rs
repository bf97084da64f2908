//! What to run: an experiment as typed settings, families of experiments, and the registry of all keys.

mod experiment;
mod family;
mod optimizer;
mod overrides;
mod parameters;
mod registry;
mod validate;

pub use experiment::*;
pub use optimizer::{Adam, Optimizer, Sgd, UpdateRule};
pub use overrides::{apply_overrides, flat_settings, nearest};
pub use parameters::regex;
pub use registry::{Registry, list, show};
