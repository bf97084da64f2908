//! What to run: an experiment as typed settings.

mod experiment;

pub use experiment::*;
