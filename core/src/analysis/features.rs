//! Features of a checkpoint's modules, one vector for an image. They are computed once, and kept on disk beside other results by
//! what they depend on: the checkpoint, the images with their preparation, and which tokens stand for an image.

mod export;
mod npy;
mod store;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::store::{Known, Writer};
use super::record::{Inputs, claim};
use super::settings::choices;
use super::subject::Subject;
use crate::config::Experiment;
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::evaluate::features::{Pooling, pooled_features};
use crate::evaluate::splits::eval_images;
use crate::event::Event;
use crate::file::remove_temporaries;
use crate::job::Job;
use crate::model::Arch;

pub use export::export;
pub use store::ModuleFeatures;

choices!(Pooling, "kind of tokens": Class = "class", Mean = "mean");

/// The folder of features below `analysis/`.
const FOLDER: &str = "features";

/// A module whose features are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureModule {
    /// Its name, as it was typed.
    pub name: String,
    /// Its position in [`Arch::stages`].
    stage: usize,
}

/// The modules of these names, a group such as `layer1` being its last block; the input of the head if there is no name.
///
/// # Errors
/// [`Error::Usage`] naming the nearest module for one that there is not.
pub fn feature_modules(arch: &Arch, names: &[String]) -> Result<Vec<FeatureModule>> {
    if names.is_empty() {
        let stage = arch.head_input();
        return Ok(vec![FeatureModule { name: arch.stages[stage].name.clone(), stage }]);
    }
    let mut modules: Vec<FeatureModule> = Vec::new();
    for name in names {
        let stage = arch.stage(name).ok_or_else(|| arch.unknown_stage(name))?;
        // A module may go by two names, such as layer1 and layer1.1.
        if !modules.iter().any(|module| module.stage == stage) {
            modules.push(FeatureModule { name: name.clone(), stage });
        }
    }
    Ok(modules)
}

/// Which tokens stand for an image: those that were chosen, or those that the head reads.
///
/// # Errors
/// [`Error::Usage`] for the class token of a network that has none.
pub fn pooling(arch: &Arch, chosen: Option<Pooling>) -> Result<Pooling> {
    match chosen {
        Some(Pooling::Class) if !arch.tokens.is_some_and(|tokens| tokens.has_class) => Err(Error::usage(
            format!("{} has no class token; leave --tokens out, or set it to mean", arch.name),
        )),
        Some(pooling) => Ok(pooling),
        None => Ok(Pooling::of_head(arch)),
    }
}

/// Where features come from.
#[derive(Debug, Clone, Copy)]
pub struct FeatureSource<'a> {
    /// The network.
    pub subject: &'a Subject,
    /// How images are prepared.
    pub experiment: &'a Experiment,
    /// Which tokens stand for an image.
    pub pooling: Pooling,
    /// The folder of all runs, where features are kept of checkpoints that lie in none.
    pub base: &'a Path,
}

impl FeatureSource<'_> {
    /// The features of some modules for the images of a split, in evaluation mode: those that are on disk, or computed now in one
    /// pass over the images and written as they come.
    ///
    /// # Errors
    /// [`Error::Diverged`] naming the module and the image for features that are not finite; those of [`eval_images`]; [`Error::Io`]
    /// naming a file that cannot be written.
    pub fn features(
        &self,
        modules: &[FeatureModule],
        dataset: &Dataset,
        split: Split,
        job: &Job,
    ) -> Result<Vec<ModuleFeatures>> {
        let (folder, known) = self.known(modules, dataset, split);
        let missing: Vec<&Known> = known.iter().filter(|known| known.width.is_none()).collect();
        if missing.is_empty() {
            job.emit(Event::Note(format!(
                "features of {} images taken from {}",
                dataset.len(),
                folder.display()
            )));
        } else {
            let _lock = claim(&folder)?;
            remove_temporaries(&folder);
            self.compute(&missing, dataset, split, job)?;
        }
        let (_, known) = self.known(modules, dataset, split);
        known
            .into_iter()
            .zip(modules)
            .map(|(known, module)| known.features(&module.name, dataset.len()))
            .collect()
    }

    /// Where features are kept, and what there is of them.
    fn known(&self, modules: &[FeatureModule], dataset: &Dataset, split: Split) -> (PathBuf, Vec<Known>) {
        let Self { subject, experiment, pooling, base } = self;
        let inputs = Inputs::new(experiment, dataset, split, &[&subject.source]);
        let name = inputs.name(&format!("features {pooling}"));
        let folder = subject.source.result_folder(FOLDER, &name, base, None);
        let known = modules.iter().map(|module| {
            let stage = &subject.network.arch.stages[module.stage].name;
            let about = [
                ("checkpoint_sha256", subject.source.sha256.as_str()),
                ("data", &experiment.data.name),
                ("data_digest", &inputs.data_digest),
                ("split", split.name()),
                ("module", stage),
                ("tokens", &pooling.to_string()),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
            Known::find(&folder, module.stage, stage, BTreeMap::from(about), dataset.len())
        });
        let known = known.collect();
        (folder, known)
    }

    fn compute(&self, missing: &[&Known], dataset: &Dataset, split: Split, job: &Job) -> Result<()> {
        let images = eval_images(self.experiment, dataset, split, job)?;
        let stages: Vec<usize> = missing.iter().map(|known| known.stage).collect();
        let mut writers: Vec<Option<Writer>> = missing.iter().map(|_| None).collect();
        let network = &self.subject.network;
        pooled_features(network, &stages, self.pooling, &images, job, |stage, values, width| {
            let Some(place) = stages.iter().position(|known| *known == stage) else { return Ok(()) };
            let writer = match &mut writers[place] {
                Some(writer) => writer,
                new => new.insert(Writer::new(missing[place], [dataset.len(), width])?),
            };
            if let Some(wrong) = values.iter().position(|value| !value.is_finite()) {
                let sample = writer.rows + wrong / width;
                return Err(Error::Diverged(format!(
                    "the features of {} in {} are not finite for {}; choose a checkpoint that has not diverged",
                    network.arch.stages[stage].name,
                    self.subject.source.location,
                    dataset.id(sample)
                )));
            }
            writer.add(&values, width)
        })?;
        writers.into_iter().flatten().try_for_each(Writer::finish)
    }
}
