//! Settings that only a data set or a network's parameters can tell right from wrong.

use crate::config::Experiment;
use crate::data;
use crate::error::Result;
use crate::model::Arch;

/// Checks all settings of an experiment, before anything is read or written.
///
/// # Errors
/// [`crate::error::Error::Usage`] naming the setting, its value and what it may be; those of [`Arch::new`],
/// [`crate::optim::OptimizerSettings::groups`] and [`crate::optim::WeightRegularizer::parameters`].
pub fn check(experiment: &Experiment) -> Result<()> {
    experiment.check()?;
    data::check(&experiment.data, experiment.script)?;
    // The number of classes changes no name.
    let arch = Arch::new(&experiment.model.arch, 1)?;
    let names = || arch.parameters.iter().map(|spec| spec.name.as_str());
    experiment.optimizer.groups(names())?;
    experiment.train.weight_regularizers.iter().try_for_each(|rule| rule.parameters(names()).map(|_| ()))
}
