//! What trained networks have in common.

pub mod criticality;
pub mod distance;
pub mod evaluation;
pub mod interpolation;
pub mod journal;
pub mod measures;
pub mod mistakes;
pub mod named;
pub mod record;
pub mod rewinding;
pub mod selection;
pub mod subject;
pub mod sweep;

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
    if let Some(problems) = two.mismatch(one.tensors.iter().map(|t| (t.name.as_str(), t.shape.as_slice()))) {
        return Err(Error::data(format!(
            "the second network differs from the first in its parameters: {problems}; choose two of one architecture and one \
             number of classes"
        )));
    }
    Ok(one.tensors.iter().filter_map(|tensor| Some((tensor, two.get(&tensor.name)?))))
}
