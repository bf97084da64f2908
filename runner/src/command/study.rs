//! `runner study`: runs, analyses of their networks, and one report.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use basin_core::study::{self, Options};
use basin_core::train::launch::Outcome;

use super::{print, training};
use crate::args::{Device, Settings};
use crate::progress::say;

#[derive(Debug, clap::Args)]
pub struct Study {
    /// Name of a study that comes with the program (demo), or a file of your own, *.ron.
    name: String,
    /// Folder that holds all runs and the report.
    #[arg(short, long, default_value = "experiments", value_name = "FOLDER")]
    base_dir: PathBuf,
    /// Added to the seeds of all runs; give each seed a base folder of its own.
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Lists the study's needs, its costs, and the state of its runs; trains and measures nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    device: Device,
}

impl Study {
    /// Trains and measures what is missing, and prints the path of the report.
    pub fn run(&self) -> Result<()> {
        let Self { name, base_dir, seed, dry_run, settings, device } = self;
        let (study, registry) = (study::Study::open(name)?, Arc::new(settings.families.registry()?));
        let options = Options { base: base_dir, seed: *seed, set: &settings.set };
        if *dry_run {
            return print(&study::plan(&study, &options, &registry)?);
        }
        let finished = training(device, |job| study::run(&study, &options, &registry, job))?;
        match finished.outcome {
            Outcome::AlreadyDone => say("the study is done already; its report is"),
            Outcome::Trained => say("the study is done; its report is"),
        }
        print(&format!("{}\n", finished.report.display()))
    }
}
