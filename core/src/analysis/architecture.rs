//! Of which architecture a checkpoint is.

use std::collections::BTreeMap;
use std::path::Path;

use super::source::experiment_of_run;
use crate::checkpoint::Location;
use crate::data::{timm_architecture, torchvision_architecture};
use crate::error::Result;
use crate::model::Arch;

/// The architecture of a checkpoint: the one that its metadata name, or else that of the run that it lies in, or else the one that
/// timm names beside `file`, its copy on this machine, or by the name of its repository, or that of torchvision's download of that name,
/// or else `otherwise`; with as many outputs as its head has, or one where it has no head. `shapes` are the names and shapes of its
/// tensors. `None` if nothing says which architecture it is.
///
/// # Errors
/// [`crate::error::Error::Data`] if the run's record is broken; those of [`Arch::new`].
pub fn architecture<'a>(
    location: &Location,
    file: &Path,
    metadata: &BTreeMap<String, String>,
    shapes: impl Iterator<Item = (&'a str, &'a [usize])>,
    otherwise: Option<&str>,
) -> Result<Option<Arch>> {
    // The reference's checkpoints name architectures that are not ours.
    let own = metadata.get("arch").filter(|own| Arch::is_known(own));
    let of_run = match own {
        Some(_) => None,
        None => experiment_of_run(location)?.map(|experiment| experiment.model.arch),
    };
    let of_repository = match location {
        Location::Hub(hub) => hub.architecture().map(str::to_owned),
        _ => None,
    };
    let of_timm =
        || timm_architecture(file).into_iter().chain(of_repository).find(|name| Arch::is_known(name));
    let of_torchvision = || torchvision_architecture(&location.name());
    let said = own.cloned().or(of_run).or_else(of_timm).or_else(of_torchvision);
    let Some(name) = said.as_deref().or(otherwise) else { return Ok(None) };
    let shapes: Vec<(&str, &[usize])> = shapes.collect();
    let length =
        |bias: &str| shapes.iter().find(|(name, _)| *name == bias).map(|(_, shape)| shape.iter().product());
    Arch::with_head_of(name, length).map(Some)
}
