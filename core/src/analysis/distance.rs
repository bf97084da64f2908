//! How far apart two networks are in parameter space (paper section 7, Table 2).

use crate::checkpoint::{Change, StateDict};
use crate::error::Result;

use super::same_parameters;

/// Euclidean distances between the tensors of two networks.
#[derive(Debug, Clone)]
pub struct Distance {
    /// Name of each tensor and the norm of its difference.
    pub per_tensor: Vec<(String, f64)>,
    /// The sum of these norms, which is what Table 2 most likely shows.
    pub sum: f64,
    /// The norm of the difference of all parameters as one vector.
    pub global_l2: f64,
}

/// Distances between two networks of one architecture, over parameters and running statistics; counters are no place.
///
/// # Errors
/// [`crate::error::Error::Data`] naming the tensors that only one has, or that differ in shape.
pub fn distance(one: &StateDict, two: &StateDict) -> Result<Distance> {
    let per_tensor: Vec<(String, f64)> = same_parameters(one, two)?
        .filter(|(tensor, _)| !tensor.is_count())
        .map(|(a, b)| (a.name.clone(), Change::between(&a.data, &b.data).l2()))
        .collect();
    let sum = per_tensor.iter().map(|(_, norm)| norm).sum();
    let global_l2 = per_tensor.iter().map(|(_, norm)| norm * norm).sum::<f64>().sqrt();
    Ok(Distance { per_tensor, sum, global_l2 })
}
