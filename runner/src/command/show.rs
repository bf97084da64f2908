//! `runner show`: all settings of a key.

use anyhow::Result;
use basin_core::config::{self, apply_overrides};

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
        let experiment = apply_overrides(registry.get(&self.key)?, &self.settings.set)?;
        experiment.validate()?;
        print(&format!("{}\n", config::show(&experiment)?))
    }
}
