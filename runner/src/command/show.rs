//! `runner show`: all settings of a key.

use anyhow::Result;
use basin_core::config;
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
        print(&format!("{}\n{shared}\n", config::show(&experiment)?))
    }
}
