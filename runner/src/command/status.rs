//! `runner status`: the progress of many runs.

use anyhow::Result;
use basin_core::sweep::overview;

use super::print;
use crate::args::Runs;

#[derive(Debug, clap::Args)]
pub struct Status {
    #[command(flatten)]
    runs: Runs,
    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Status {
    /// Prints a line for each run, and how many there are of each kind.
    pub fn run(&self) -> Result<()> {
        let registry = self.runs.settings.families.registry()?;
        let overview = overview(&self.runs.tasks(&registry)?, &registry);
        if self.json {
            return print(&format!("{}\n", serde_json::to_string(&overview)?));
        }
        print(&overview.text())
    }
}
