//! Of which architecture a checkpoint is.

use std::collections::BTreeMap;

use super::source::experiment_of_run;
use crate::checkpoint::Location;
use crate::error::Result;
use crate::model::Arch;

/// The tensor whose length is the number of a network's outputs.
const HEAD: &str = "fc.bias";

/// The architecture of a checkpoint: the one that its metadata name, or else that of the run that it lies in, or else
/// `otherwise`; with as many outputs as its head has, or one where it has no head. `shapes` are the names and shapes of its
/// tensors. `None` if nothing says which architecture it is.
///
/// # Errors
/// [`crate::error::Error::Data`] if the run's record is broken; those of [`Arch::new`].
pub fn architecture<'a>(
    location: &Location,
    metadata: &BTreeMap<String, String>,
    mut shapes: impl Iterator<Item = (&'a str, &'a [usize])>,
    otherwise: Option<&str>,
) -> Result<Option<Arch>> {
    // The reference's checkpoints name architectures that are not ours.
    let own = metadata.get("arch").filter(|own| Arch::names().any(|name| name == own.as_str()));
    let of_run = match own {
        Some(_) => None,
        None => experiment_of_run(location)?.map(|experiment| experiment.model.arch),
    };
    let Some(name) = own.or(of_run.as_ref()).map(String::as_str).or(otherwise) else { return Ok(None) };
    let outputs = shapes.find(|(name, _)| *name == HEAD).map_or(1, |(_, shape)| shape.iter().product());
    Arch::new(name, outputs).map(Some)
}
