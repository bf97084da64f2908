//! The program's tests in one program of their own, so that it is linked once.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod analyses;
mod bad_input;
mod batch_norm;
mod checkpoint;
mod common;
mod criticality;
mod curves;
mod data_sets;
mod devices;
mod doctor;
mod documents;
mod faults;
mod gc;
mod hub;
mod lines;
mod mistakes;
mod networks;
mod parameters;
mod prepare;
mod probe;
mod real_images;
mod reference_folder;
mod remote;
mod resume;
mod settings;
mod similarity;
mod slurm;
mod study;
mod sweep;
