//! The data sets that there are, each known by its name.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::index::{Files, Index};
use super::split::{Labelling, Split};
use super::transform::{Input, Transform};
use super::{chexpert, cifar10, domainnet, image_folder, imagenet, shapes};
use crate::config::{Data, Script};
use crate::error::{Error, Result};
use crate::setting::nearest;

/// The data sets that come with the program: a file and a line for each.
const BUILT_IN: [&[&dyn DataSource]; 6] = [
    &domainnet::ALL,
    &[&chexpert::Chexpert],
    &[&cifar10::Cifar10],
    &[&imagenet::ImageNet],
    &[&image_folder::ImageFolder],
    &shapes::ALL,
];

/// Those that other programs register. Names of data sets stand in files that are read far from any caller who could hand over a
/// table (the record of a run, stored predictions), so there is one table for the process. It only grows, and no name in it
/// ever changes its meaning.
static REGISTERED: RwLock<Vec<&'static dyn DataSource>> = RwLock::new(Vec::new());

/// A data set: all that the program knows of it.
pub trait DataSource: Sync {
    /// What `data.name` says.
    fn name(&self) -> &'static str;

    /// The splits that it comes in, train and test at least.
    fn splits(&self) -> &'static [Split] {
        &[Split::Train, Split::Test]
    }

    /// What is evaluated after each epoch beside the test split.
    fn evaluated(&self) -> &'static [Split] {
        &[Split::EvalTrain]
    }

    /// What its labels say.
    fn labelling(&self) -> Labelling {
        Labelling::Class
    }

    /// What is done to its images, normalization included.
    fn transform(&self, input: Input) -> Arc<dyn Transform>;

    /// What must be on disk, or what puts it there, for messages: `there is no FILE; <this>, so set the folder with --set ...`.
    /// `None` for images that the program draws.
    fn needs(&self) -> Option<String>;

    /// Whether `data.index_paths` may name other lists than its own.
    fn takes_lists(&self) -> bool {
        false
    }

    /// Opens a split, reduced to the subset that `data.configs.subsample` asks for. Of a data set without a validation set, `Dev`
    /// is the test set.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file, and the line of a list, that is missing or wrong; [`Error::Usage`] for a setting that is.
    fn open(&self, data: &Data, split: Split, files: Files) -> Result<Index>;
}

/// Adds a data set from outside the library; from then on its name is known wherever one is taken.
///
/// # Errors
/// [`Error::Usage`] if the name is that of another.
pub fn register(source: &'static dyn DataSource) -> Result<()> {
    let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    let name = source.name();
    if built_in().chain(registered.iter().copied()).any(|known| known.name() == name) {
        return Err(Error::usage(format!("there is a data set {name} already; give this one another name")));
    }
    registered.push(source);
    Ok(())
}

/// The data set of that name.
///
/// # Errors
/// [`Error::Usage`] naming the nearest, and all, if there is none.
pub fn source(name: &str) -> Result<&'static dyn DataSource> {
    let sources = sources();
    let names = || sources.iter().map(|source| source.name());
    sources.iter().copied().find(|source| source.name() == name).ok_or_else(|| {
        Error::usage(format!(
            "unknown data set {name}; the nearest are {}; data.name is one of {}",
            nearest(name, names()).join(", "),
            names().collect::<Vec<_>>().join(", ")
        ))
    })
}

/// Checks that the data set is known, and that its labels are of the kind that the script trains on.
///
/// # Errors
/// [`Error::Usage`] naming the setting, its value and what it must be.
pub fn check(data: &Data, script: Script) -> Result<()> {
    let name = &data.name;
    let source = source(name)?;
    if data.index_paths.is_some() && !source.takes_lists() {
        let those: Vec<&str> =
            sources().into_iter().filter(|source| source.takes_lists()).map(|source| source.name()).collect();
        let those = those.join(" or ");
        return Err(Error::usage(format!("data.name is {name}; it must be {those} with data.index_paths")));
    }
    let wanted = match source.labelling() {
        Labelling::Class => Script::Imagenet,
        Labelling::Findings(_) => Script::Chexpert,
    };
    if script != wanted {
        let [script, wanted] = [script, wanted].map(Script::name);
        return Err(Error::usage(format!("script is {script}; it must be {wanted} for data.name={name}")));
    }
    Ok(())
}

/// What to say of a file or folder of a data set that is not there.
pub(super) fn missing(source: &dyn DataSource, path: &Path) -> String {
    let needs = source.needs().map_or(String::new(), |needs| format!("{needs}, so "));
    format!("there is no {}; {needs}set the folder with --set data.configs.data_dir=FOLDER", path.display())
}

fn built_in() -> impl Iterator<Item = &'static dyn DataSource> {
    BUILT_IN.into_iter().flatten().copied()
}

fn sources() -> Vec<&'static dyn DataSource> {
    let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    built_in().chain(registered.iter().copied()).collect()
}
