//! `runner configs`: the keys there are.

use anyhow::Result;
use basin_core::config;

use super::print;
use crate::args::Families;

#[derive(Debug, clap::Args)]
pub struct Configs {
    /// Regular expression.
    regex: Option<String>,
    #[command(flatten)]
    families: Families,
}

impl Configs {
    /// Prints the keys in the reference's format.
    pub fn run(&self) -> Result<()> {
        print(&config::list(&self.families.registry()?, self.regex.as_deref())?)
    }
}
