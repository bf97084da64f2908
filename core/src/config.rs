//! What to run: an experiment as typed settings, families of experiments, and the registry of all keys.

mod arithmetic;
mod data;
mod difference;
mod experiment;
mod family;
mod overrides;
mod photo;
mod rand_augment;
mod registry;
mod train;
mod xray;

pub use data::{Data, DataConfigs, IndexPaths, ShuffleBlock, ShufflePixel, Subsample};
pub use experiment::{Experiment, Model, ModelKwargs, Script, Seed};
pub(crate) use family::SET_ASIDE;
pub use overrides::{apply_overrides, flat_settings};
pub use photo::{ErasingMode, Interpolation, PhotoSettings};
pub use rand_augment::RandAugment;
pub use registry::{Registry, list, show};
pub use train::{Head, Train};
pub use xray::{Augmentation, Border, XraySettings};
