//! One module at a time takes other values; all else of the network stays.

mod prefix;

use burn::tensor::Tensor;

use self::prefix::Prefix;
use super::statistics::TrainingImages;
use crate::data::EvalImages;
use crate::error::{Error, Result};
use crate::evaluate::{Evaluation, evaluate};
use crate::event::Event;
use crate::job::Job;
use crate::model::{Arch, Network};
use crate::setting::nearest;

/// Networks that are measured in one pass over the images, at most.
const AT_ONCE: usize = 32;

/// A network whose modules take other values, and the images on which it is measured then.
#[derive(Debug)]
pub struct Sweep<'a> {
    /// The network.
    pub network: &'a Network,
    /// The images.
    pub images: &'a EvalImages,
    /// What a module is given in all images is computed once and held, if it takes no more bytes than this. Otherwise it is
    /// computed in each pass over the images, and so many networks share a pass as have values of the module within these
    /// bytes: from 1 to 32.
    pub memory_bytes: usize,
    /// Images on which the running statistics of each network are measured anew, where they are. Nothing is shared between networks
    /// then.
    pub training: Option<&'a TrainingImages>,
    /// What is being done, for progress.
    pub what: &'static str,
}

/// A module by its position in [`Arch::modules`], and a key for each set of values that it takes.
#[derive(Debug)]
pub struct Visit<K> {
    /// The module.
    pub module: usize,
    /// Its keys.
    pub keys: Vec<K>,
}

impl Sweep<'_> {
    /// Measures a network for each key of each visit. `values` gives the module's values for a key, one tensor for each of its
    /// parameters; `take` is given what comes of it at once.
    ///
    /// # Errors
    /// Those of `values` and `take`, and [`Error::Interrupted`].
    pub fn run<K>(
        &self,
        visits: &[Visit<K>],
        mut values: impl FnMut(usize, &K) -> Result<Vec<Tensor<1>>>,
        mut take: impl FnMut(&K, &Evaluation) -> Result<()>,
        job: &Job,
    ) -> Result<()> {
        let (modules, mut prefix) = (self.network.arch.modules(), Prefix::new(self, job));
        let (mut done, total) = (0, visits.iter().map(|visit| visit.keys.len() as u64).sum());
        for Visit { module, keys } in visits.iter().filter(|visit| !visit.keys.is_empty()) {
            let at_once = if self.training.is_some() || prefix.advance(modules[*module].stage)? {
                1
            } else {
                let at_once = self.within_memory(modules[*module].parameters).min(keys.len());
                job.emit(Event::Note(format!(
                    "what {} is given does not fit into {} MiB, and is computed again for every {at_once} points",
                    modules[*module].name,
                    self.memory_bytes >> 20
                )));
                at_once
            };
            for keys in keys.chunks(at_once) {
                let networks = keys.iter().map(|key| {
                    let mut network = self.network.clone();
                    for (index, values) in modules[*module].parameters.iter().zip(values(*module, key)?) {
                        network.parameters[*index] = values;
                    }
                    Ok(network)
                });
                let networks = networks.collect::<Result<Vec<_>>>()?;
                let evaluations = match self.training {
                    Some(training) => self.measured(networks, training, job)?,
                    None => prefix.evaluate(&networks)?,
                };
                for (key, evaluation) in keys.iter().zip(evaluations) {
                    take(key, &evaluation)?;
                }
                done += keys.len() as u64;
                job.emit(Event::Progress { what: self.what.to_owned(), done, total, unit: "points" });
            }
            let name = modules[*module].name;
            job.emit(Event::Note(format!("{}: {name} is measured, {done} of {total} points", self.what)));
        }
        Ok(())
    }

    /// Evaluates networks with running statistics of their own.
    fn measured(
        &self,
        networks: Vec<Network>,
        training: &TrainingImages,
        job: &Job,
    ) -> Result<Vec<Evaluation>> {
        let one = |network| evaluate(&training.measure(network, job)?, self.images, job);
        networks.into_iter().map(one).collect()
    }

    /// How many sets of values of these parameters fit into memory.
    fn within_memory(&self, parameters: &[usize]) -> usize {
        let length = |index: &usize| self.network.arch.parameters[*index].shape.iter().product::<usize>();
        let bytes = parameters.iter().map(length).sum::<usize>() * size_of::<f32>();
        (self.memory_bytes / bytes.max(1)).clamp(1, AT_ONCE)
    }
}

/// Positions in [`Arch::modules`] of the modules of these names, bottom to top; of all if there is no name.
///
/// # Errors
/// [`Error::Usage`] naming the nearest module for one that there is not.
pub fn chosen_modules(arch: &Arch, names: &[String]) -> Result<Vec<usize>> {
    let modules = arch.modules();
    if names.is_empty() {
        return Ok((0..modules.len()).collect());
    }
    let position = |name: &String| {
        modules.iter().position(|module| module.name == name).ok_or_else(|| {
            let near = nearest(name, modules.iter().map(|module| module.name));
            Error::usage(format!("{} has no module {name}; the nearest are {}", arch.name, near.join(", ")))
        })
    };
    let mut positions = names.iter().map(position).collect::<Result<Vec<_>>>()?;
    positions.sort_unstable();
    positions.dedup();
    Ok(positions)
}
