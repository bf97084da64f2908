//! Basin's library: train networks from scratch and from pre-trained weights, and see what was transferred.
//!
//! Modules are listed in reading order.

pub mod config;
pub mod optim;
pub mod random;
pub mod setting;

pub mod data;
pub mod prepare;

pub mod checkpoint;
pub(crate) mod kernel;
pub mod model;
pub mod remote;

pub mod run;

pub mod evaluate;
pub mod logistic;
pub mod text;
pub mod train;

pub mod analysis;
pub mod figure;
pub mod study;

pub mod shell;
pub mod slurm;
pub mod sweep;

pub mod device;
pub mod doctor;
pub mod error;
pub mod event;
pub mod file;
pub mod job;
pub mod number;
