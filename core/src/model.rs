//! Networks: architectures, how they start, and their forward pass.

pub mod arch;
pub mod init;
pub mod network;

pub mod conv;
pub mod pool;

pub use arch::Arch;
pub use init::initial_state;
pub use network::Network;
