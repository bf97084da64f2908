//! Which way modules go, and the checkpoints that training left on the way.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::analysis::settings::choices;
use crate::analysis::source::Source;
use crate::checkpoint::{Location, NamedTensor, Reader, StateDict};
use crate::error::{Error, Result};
use crate::model::arch::Module;
use crate::model::positions::fitted;
use crate::model::{Arch, layout};
use crate::run::epochs_beside;

/// Which way modules go from their start to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathKind {
    /// The straight line `(1 - alpha) theta_0 + alpha theta_F`; a position is alpha.
    Direct,
    /// The values that training went through, at the checkpoints of the run; a position is an epoch.
    Optimisation,
}

choices!(PathKind, "path": Direct = "direct", Optimisation = "optimisation");

/// The epochs of all places of an optimisation path, and the checkpoints of those between its ends.
pub fn between(start: &Source, end: &Source) -> Result<(Vec<f64>, Vec<Location>)> {
    let epoch = |source: &Source| source.metadata.get("epoch")?.parse::<usize>().ok();
    let Some(last) = epoch(end) else {
        return Err(Error::data(format!(
            "{} does not say of which epoch it is, so its optimisation path is unknown; choose the direct path",
            end.location
        )));
    };
    let first = epoch(start).filter(|first| *first < last).unwrap_or(0);
    let mut found = epochs_beside(&end.location)?;
    found.retain(|epoch, _| (first + 1..last).contains(epoch));
    if found.is_empty() {
        return Err(Error::data(format!(
            "no checkpoint lies between {} and {}, and an optimisation path is made of them; train with \
             train.keep_every=1, or choose the direct path",
            start.location, end.location
        )));
    }
    let epochs = std::iter::once(first).chain(found.keys().copied()).chain([last]);
    Ok((epochs.map(|epoch| epoch as f64).collect(), found.into_values().map(Location::File).collect()))
}

/// The tensors of one module, without reading the others of the file.
///
/// # Errors
/// [`Error::Data`] naming the file if it has changed since the path was found, and for a URL, beside which no path is found.
pub fn read_module(
    location: &Location,
    arch: &Arch,
    module: &Module,
    device: &Device,
) -> Result<Vec<Tensor<1>>> {
    let changed = |what: &str| Error::data(format!("{location} has changed meanwhile: {what}"));
    let reader = Reader::open(location.file().ok_or_else(|| changed("it is no file"))?)?;
    let specs = module.parameters.iter().map(|index| &arch.parameters[*index]);
    let mut state = StateDict::default();
    for (index, info) in reader.tensors.iter().enumerate() {
        if specs.clone().any(|spec| spec.name == info.name) {
            let (name, shape) = (info.name.clone(), info.shape.clone());
            state.tensors.push(NamedTensor { name, shape, data: reader.values(index)? });
        }
    }
    let (state, _) = fitted(arch, state);
    layout::values(specs, &state, device).map_err(|problems| changed(&problems.to_string()))
}
