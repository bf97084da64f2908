//! `runner show`: all settings of a key.

use anyhow::Result;
use basin_core::checkpoint::Location;
use basin_core::config::{self, Experiment};
use basin_core::data::Preparation;
use basin_core::train::check;

use super::print;
use crate::args::Settings;

#[derive(Debug, clap::Args)]
pub struct Show {
    /// The key.
    key: String,
    #[command(flatten)]
    settings: Settings,
}

impl Show {
    /// Prints the settings as RON.
    pub fn run(&self) -> Result<()> {
        let registry = self.settings.families.registry()?;
        let experiment = registry.changed(&self.key, &self.settings.set)?;
        check(&experiment)?;
        let shared = "// Keys with equal seeds start from the same weights and see their images in the same order, also those that \
                      differ in the seed of a shuffle alone; seed.by_key=true draws them apart.";
        let prepared =
            experiment.train.finetune_from.as_deref().and_then(|source| prepared(source, &experiment));
        let prepared = prepared.unwrap_or_default();
        print(&format!("{}\n{shared}\n{prepared}", config::show(&experiment)?))
    }
}

/// Lines on how the images of a checkpoint on this machine were prepared, and what the settings do otherwise.
fn prepared(source: &str, experiment: &Experiment) -> Option<String> {
    let location = Location::parse(source);
    let file = location.file().filter(|file| file.is_file())?;
    let known = match Preparation::of(&location, file) {
        Ok(known) => {
            known.map(|(preparation, by)| format!("images were prepared with {preparation} ({by})"))?
        }
        // The warning would say it again.
        Err(error) => return Some(format!("// {error}\n")),
    };
    let warning = Preparation::warning(&location, file, &experiment.data).ok().flatten();
    let lines = std::iter::once(format!("{location}: {known}")).chain(warning);
    Some(lines.map(|line| format!("// {line}\n")).collect())
}
