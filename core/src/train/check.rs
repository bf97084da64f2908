//! Settings that only a data set or a network's parameters can tell right from wrong.

use std::ops::Range;

use super::gradients::pieces;
use crate::config::{Experiment, Head};
use crate::data::{self, Labelling};
use crate::error::{Error, Result};
use crate::model::Arch;

/// Checks all settings of an experiment, before anything is read or written.
///
/// # Errors
/// [`Error::Usage`] naming the setting, its value and what it may be; those of [`Arch::for_images`],
/// [`crate::optim::OptimizerSettings::groups`] and [`crate::optim::WeightRegularizer::parameters`].
pub fn check(experiment: &Experiment) -> Result<()> {
    experiment.check()?;
    let source = data::source(&experiment.data.name)?;
    if experiment.data.configs.photo.is_some() && source.statistics().is_none() {
        return Err(Error::usage(format!(
            "data.configs.photo is for photographs; leave it out for {}",
            experiment.data.name
        )));
    }
    let labelling = source.labelling();
    if experiment.train.label_smoothing > 0.0 && labelling != Labelling::Class {
        return Err(Error::usage(format!(
            "train.label_smoothing is {}; it must be 0 for {}, whose labels are findings",
            experiment.train.label_smoothing, experiment.data.name
        )));
    }
    if experiment.train.head == Head::Probed && labelling != Labelling::Class {
        return Err(Error::usage(format!(
            "train.head is probed; it must be drawn for {}, whose labels are findings",
            experiment.data.name
        )));
    }
    data::check(&experiment.data, experiment.script)?;
    // The number of classes changes no name.
    let arch = architecture(experiment, 1)?;
    let names = || arch.parameters.iter().map(|spec| spec.name.as_str());
    experiment.optimizer.groups(names())?;
    experiment.train.weight_regularizers.iter().try_for_each(|rule| rule.parameters(names()).map(|_| ()))
}

/// The architecture that an experiment trains, for `classes` outputs.
///
/// # Errors
/// Those of [`Arch::for_images`] and [`Arch::freeze`].
pub(super) fn architecture(experiment: &Experiment, classes: usize) -> Result<Arch> {
    let mut arch = Arch::for_images(&experiment.model.arch, classes, experiment.data.configs.image_size)?;
    arch.freeze(&experiment.train.freeze)?;
    Ok(arch)
}

/// Refuses batches of which one pass sees a single value for each channel: batch normalisation would take the image away, as
/// PyTorch says too. `count` training images are shared by so many devices.
///
/// # Errors
/// [`Error::Usage`] naming the settings to change.
pub(super) fn check_normalisation(
    experiment: &Experiment,
    arch: &Arch,
    count: usize,
    devices: usize,
) -> Result<()> {
    let (train, size) = (&experiment.train, experiment.data.configs.image_size);
    let Some((stage, 1)) = arch.last_normalised(size) else { return Ok(()) };
    let is_alone = |batch: &Range<usize>| {
        let shares = pieces(batch.clone(), batch.len().div_ceil(devices));
        let size =
            |share: &Range<usize>| if train.micro_batch == 0 { share.len() } else { train.micro_batch };
        shares.flat_map(|share| pieces(share.clone(), size(&share))).any(|part| part.len() == 1)
    };
    if pieces(0..count, train.batch_size).any(|batch| is_alone(&batch)) {
        return Err(Error::usage(format!(
            "of {count} images in batches of {}, one pass has a single image, which is one pixel in {stage}: batch normalisation needs \
             more values; choose another train.batch_size or train.micro_batch, or a larger data.configs.image_size",
            train.batch_size
        )));
    }
    Ok(())
}
