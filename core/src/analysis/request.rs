//! What every analysis is asked: of which networks, with which settings, on which images, and where its result goes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::About;
use super::names::short_names;
use super::selection::Selection;
use super::settings::{Arity, Settings, Values};
use super::source::own_experiment;
use crate::checkpoint::Location;
use crate::config::{Experiment, Registry, apply_overrides};
use crate::error::{Error, Result};
use crate::train::check;

/// Memory for what an analysis computes once and uses many times, bytes, unless another size is named.
pub const MEMORY_BYTES: usize = 2 << 30;
/// The folder of all runs unless another is named.
pub const BASE: &str = "experiments";

/// A request for an analysis with settings of type `S`.
#[derive(Debug, Clone)]
pub struct Request<S> {
    /// The checkpoints, in the order in which they are named; none for analyses of finished runs.
    pub networks: Vec<Location>,
    /// What can be chosen of this analysis alone.
    pub settings: S,
    /// What can be chosen of every analysis.
    pub surroundings: Surroundings,
}

/// What a request has in common with those for other analyses.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The key whose data and architecture are used, instead of those of the run that a checkpoint lies in.
    pub key: Option<String>,
    /// Changes to these settings, as `path=value`.
    pub set: Vec<String>,
    /// The keys there are.
    pub registry: Arc<Registry>,
    /// The images.
    pub selection: Selection,
    /// Names of the networks in tables and figures; what differs in their paths if there are none.
    pub names: Vec<String>,
    /// Memory for what is computed once and used many times: features, or activations before a module. With less, networks see
    /// the images more often, and results are the same.
    pub memory_bytes: usize,
    /// The folder of all runs, where results are written of checkpoints that lie in none.
    pub base: PathBuf,
    /// The folder for the result, instead of one in the run of the first checkpoint.
    pub output: Option<PathBuf>,
}

impl Surroundings {
    /// With nothing chosen: the images of that selection, and the keys of that registry.
    pub fn new(registry: Arc<Registry>, selection: Selection) -> Self {
        Self {
            key: None,
            set: Vec::new(),
            registry,
            selection,
            names: Vec::new(),
            memory_bytes: MEMORY_BYTES,
            base: PathBuf::from(BASE),
            output: None,
        }
    }

    /// The settings that say which images are used and how they are prepared: those of the key, or else of the run that the
    /// checkpoint lies in, with the changes.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown key or setting, or if no key is named and the checkpoint lies in no run.
    pub fn experiment(&self, checkpoint: &Location) -> Result<Experiment> {
        self.known_experiment(checkpoint)?.ok_or_else(|| unknown_images(checkpoint))
    }

    /// The same; `None` if no key is named and the checkpoint lies in no run.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown key or setting.
    pub fn known_experiment(&self, checkpoint: &Location) -> Result<Option<Experiment>> {
        let experiment = match &self.key {
            Some(key) => Some(self.registry.get(key)?),
            None => own_experiment(checkpoint)?,
        };
        let Some(experiment) = experiment else { return Ok(None) };
        let experiment = apply_overrides(experiment, &self.set)?;
        check(&experiment)?;
        Ok(Some(experiment))
    }

    /// What networks are called in tables and figures.
    ///
    /// # Errors
    /// [`Error::Usage`] if there are names, but not one for each.
    pub fn names_of(&self, networks: &[Location]) -> Result<Vec<String>> {
        match self.names.len() {
            0 => Ok(short_names(networks)),
            count if count == networks.len() => Ok(self.names.clone()),
            count => Err(Error::usage(format!(
                "--names has {count} names for {} networks; give each one a name",
                networks.len()
            ))),
        }
    }
}

/// The error where nothing says which images to use.
pub(super) fn unknown_images(checkpoint: &Location) -> Error {
    Error::usage(format!(
        "{checkpoint} lies in no run of Basin; say which images to use with -k KEY and --set"
    ))
}

impl<S> Request<S> {
    /// The first network. An analysis of networks is asked about one at least: [`About::networks`].
    pub fn first(&self) -> &Location {
        static NOWHERE: Location = Location::File(PathBuf::new());
        self.networks.first().unwrap_or(&NOWHERE)
    }

    /// What the networks are called in tables and figures.
    ///
    /// # Errors
    /// Those of [`Surroundings::names_of`].
    pub fn names(&self) -> Result<Vec<String>> {
        self.surroundings.names_of(&self.networks)
    }

    /// The settings that say which images are used, by the first network.
    ///
    /// # Errors
    /// Those of [`Surroundings::experiment`].
    pub fn experiment(&self) -> Result<Experiment> {
        self.surroundings.experiment(self.first())
    }
}

impl Request<Values> {
    /// The same with typed settings.
    ///
    /// # Errors
    /// Those of [`Settings::from_values`].
    pub fn typed<S: Settings>(&self) -> Result<Request<S>> {
        let settings = S::from_values(&self.settings)?;
        Ok(Request { networks: self.networks.clone(), settings, surroundings: self.surroundings.clone() })
    }
}

impl<S: Settings> Request<S> {
    /// The words of a command that asks the same: the program, the subcommand, and all that differs from the defaults.
    pub fn command(&self, about: &About) -> Vec<String> {
        let values = self.settings.values();
        let (positional, named): (Vec<_>, Vec<_>) =
            S::options().into_iter().partition(|known| known.is_positional);
        let places = positional.iter().flat_map(|known| values.get(&known.name).cloned().unwrap_or_default());
        let networks = self.networks.iter().map(|network| network.to_string());
        let places: Vec<String> = places.chain(networks).collect();

        let mut words = Vec::new();
        let mut option = |name: &str, value: String| match value.starts_with('-') {
            true => words.push(format!("--{name}={value}")),
            false => words.extend([format!("--{name}"), value]),
        };
        for known in &named {
            let Some(values) = values.get(&known.name) else { continue };
            match known.arity {
                Arity::Commas => option(&known.name, values.join(",")),
                Arity::One | Arity::Repeated => {
                    values.iter().for_each(|value| option(&known.name, value.clone()));
                }
            }
        }
        let Surroundings { key, set, registry, selection, names, memory_bytes, base, output } =
            &self.surroundings;
        if let Some(split) = about.split {
            if selection.split != split {
                option("split", selection.split.title().to_owned());
            }
            selection.samples.iter().for_each(|samples| option("samples", samples.to_string()));
        }
        // A name with a comma cannot be typed.
        if about.takes_names && !names.is_empty() && names.iter().all(|name| !name.contains(',')) {
            option("names", names.join(","));
        }
        if about.takes_memory && *memory_bytes != MEMORY_BYTES {
            option("memory", format!("{}KiB", *memory_bytes as f64 / 1024.0));
        }
        if about.networks.is_some() {
            key.iter().for_each(|key| option("config-key", key.clone()));
            set.iter().for_each(|setting| option("set", setting.clone()));
        }
        registry.folder().iter().for_each(|folder| option("configs", folder.display().to_string()));
        if base != Path::new(BASE) {
            option("base-dir", base.display().to_string());
        }
        output.iter().for_each(|folder| option("output", folder.display().to_string()));

        let start = ["runner", about.command].map(str::to_owned);
        // After two dashes, nothing is taken for an option.
        let is_like_an_option = places.iter().any(|word| word.starts_with('-'));
        match is_like_an_option {
            true => start.into_iter().chain(words).chain(["--".to_owned()]).chain(places).collect(),
            false => start.into_iter().chain(places).chain(words).collect(),
        }
    }
}
