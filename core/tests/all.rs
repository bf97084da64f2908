//! The library's tests in one program, so that it is linked once. Two are programs of their own: one counts what is allocated,
//! one registers a data set.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;
mod criticality;
mod curves;
mod data;
mod disk;
mod events;
mod figures;
mod golden_checkpoint;
mod golden_chexpert;
mod golden_folder;
mod golden_images;
mod golden_model;
mod golden_networks;
mod golden_probe;
mod golden_random;
mod golden_registry;
mod golden_similarity;
mod golden_spectrum;
mod golden_transforms;
mod golden_xray;
mod mixup;
mod optimizer;
mod schedule;
mod structure;
mod timm;
