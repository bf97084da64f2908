//! Basin's library: train networks from scratch and from pre-trained weights, and see what was transferred.
//!
//! Modules are listed in reading order.

pub mod config;
pub mod data;
pub mod error;
pub mod random;
