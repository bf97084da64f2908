//! Networks: architectures, how they start, and their forward pass.
//!
//! A family of architectures is a file with its parameters and its stages, and a line in [`arch`].

pub mod arch;
pub mod network;

pub mod init;
pub mod layout;
pub mod positions;

mod convnext;
mod densenet;
mod fixup;
pub mod foreign;
mod resnet;
mod torchvision;
mod vit;

mod batch_norm;
mod family;
pub mod layer;
pub mod pass;
mod spec;

pub mod activation;
pub mod attention;
pub mod conv;
pub mod depthwise;
mod graph;
pub mod grouped;
pub mod layer_norm;
mod linear;
pub mod norm;
pub mod pool;
mod relu;

#[cfg(test)]
mod agreement;

pub use arch::Arch;
pub use init::{initial_state, initial_state_with_zero_head};
pub use network::Network;
pub use pass::Statistics;
