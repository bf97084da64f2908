//! The CPU's own kernels over plain slices of `f32`: convolution, attention, normalisation, activations, pooling and Gram matrices.
//!
//! They know neither autodiff nor networks; [`crate::model`] gives them their place in the graph. How a sum is cut depends on
//! shapes alone, so results do not depend on the number of threads.

mod slice;

pub mod activation;
pub mod attention;
pub mod conv;
pub mod depthwise;
pub mod gram;
pub mod layer_norm;
pub mod norm;
pub mod pool;

mod exp;
mod lanes;
mod tile;

pub use slice::{CpuTensor, floats, into_floats, tensor};
pub use tile::{instructions, use_only_avx2};
