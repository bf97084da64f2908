//! The CPU's own kernels: convolution, max pooling, batch normalisation and Gram matrices over plain slices of `f32`.
//!
//! They know neither autodiff nor networks; [`crate::model`] gives them their place in the graph. How a sum is cut depends on
//! shapes alone, so results do not depend on the number of threads.

mod slice;

pub mod conv;
pub mod gram;
pub mod norm;
pub mod pool;

mod lanes;
mod tile;

pub use slice::{CpuTensor, floats, into_floats, tensor};
pub use tile::instructions;
