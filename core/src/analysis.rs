//! What trained networks have in common.

pub mod distance;
pub mod evaluation;
pub mod interpolation;
pub mod subject;

use crate::checkpoint::{NamedTensor, StateDict};
use crate::error::{Error, Result};

/// The tensors of two networks in pairs, in the first one's order.
///
/// # Errors
/// [`Error::Data`] naming the tensors that only one has, or that differ in shape.
fn same_parameters<'a>(
    one: &'a StateDict,
    two: &'a StateDict,
) -> Result<impl Iterator<Item = (&'a NamedTensor, &'a NamedTensor)>> {
    let problem = |tensor: &NamedTensor, other: &StateDict| match other.get(&tensor.name) {
        None => Some(format!("{} is in one of them only", tensor.name)),
        Some(twin) if twin.shape != tensor.shape => {
            Some(format!("{} is {:?} in one and {:?} in the other", tensor.name, tensor.shape, twin.shape))
        }
        Some(_) => None,
    };
    let left = one.tensors.iter().filter_map(|tensor| problem(tensor, two));
    let right = two.tensors.iter().filter(|tensor| one.get(&tensor.name).is_none());
    let right = right.filter_map(|tensor| problem(tensor, one));
    let problems: Vec<String> = left.chain(right).take(8).collect();
    if !problems.is_empty() {
        return Err(Error::data(format!(
            "the two networks differ in their parameters: {}; choose two of one architecture and one number of classes",
            problems.join(", ")
        )));
    }
    Ok(one.tensors.iter().filter_map(|tensor| Some((tensor, two.get(&tensor.name)?))))
}
