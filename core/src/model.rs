//! Networks: architectures, how they start, and their forward pass.

pub mod arch;
pub mod init;
pub mod network;

mod fixup;
mod graph;
mod resnet;
mod torchvision;

#[cfg(test)]
mod agreement;

pub mod conv;
pub mod layout;
pub mod norm;
pub mod pool;

pub use arch::Arch;
pub use init::{initial_state, initial_state_with_zero_head};
pub use network::{Network, Statistics};
