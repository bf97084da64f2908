//! The data sets that there are, each known by its name.

use std::sync::{PoisonError, RwLock};

use super::source::DataSource;
use super::split::Labelling;
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

/// The data set of that name, in any case of its letters: the reference writes `cifar10` and `imagenet`.
///
/// # Errors
/// [`Error::Usage`] naming the nearest, and all, if there is none.
pub fn source(name: &str) -> Result<&'static dyn DataSource> {
    let sources = sources();
    let names = || sources.iter().map(|source| source.name());
    sources.iter().copied().find(|source| source.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
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

fn built_in() -> impl Iterator<Item = &'static dyn DataSource> {
    BUILT_IN.into_iter().flatten().copied()
}

fn sources() -> Vec<&'static dyn DataSource> {
    let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    built_in().chain(registered.iter().copied()).collect()
}
