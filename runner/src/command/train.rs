//! `runner -k KEY`: trains one run.

use std::path::PathBuf;

use anyhow::Result;
use basin_core::error::Error;
use basin_core::prepare;
use basin_core::train::launch::{Existing, Outcome, TrainRequest, launch};

use super::{print, training};
use crate::args::{Device, Settings};
use crate::progress::say;

/// Without a command: trains a key.
#[derive(Debug, clap::Args)]
pub struct Train {
    /// Key of the experiment to train; `runner configs` lists them.
    #[arg(short = 'k', long, value_name = "KEY")]
    config_key: Option<String>,
    /// Folder that holds all runs.
    #[arg(short, long, default_value = "experiments", value_name = "FOLDER")]
    base_dir: PathBuf,
    /// Folder of this run, instead of <BASE_DIR>/<KEY>.
    #[arg(short, long, value_name = "FOLDER")]
    work_dir: Option<PathBuf>,
    /// Trains another instance of the key: sets both random seeds to N and works in <BASE_DIR>-repN.
    #[arg(long, default_value_t = 0, value_name = "N")]
    replicate: u64,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    device: Device,
    /// Starts over instead of resuming; an existing folder of the run is kept under another name.
    #[arg(long)]
    force: bool,
    /// Goes on with a run that the reference began in this folder: with the weights, momentum and epoch of its last checkpoint.
    #[arg(long, conflicts_with = "force")]
    adopt: bool,
    /// First downloads what the data set lacks into data.configs.data_dir: CIFAR-10, or the domain of DomainNet.
    #[arg(long)]
    download: bool,
}

impl Train {
    /// Trains a key, and prints the run's folder.
    pub fn run(self) -> Result<()> {
        let Train { config_key, base_dir, work_dir, replicate, settings, device, force, adopt, download } =
            self;
        let Some(key) = config_key else {
            return Err(Error::usage(
                "name a key with -k KEY; `runner configs` lists them, `runner --help` shows more",
            )
            .into());
        };
        let registry = settings.families.registry()?;
        let experiment = registry.seeded(&key, replicate, &settings.set)?;
        if let Some(sentence) = registry.kept_rate(&key, &settings.set)? {
            say(&sentence);
        }
        let existing = match (force, adopt) {
            (true, _) => Existing::SetAside,
            (false, true) => Existing::Adopt,
            (false, false) => Existing::Resume,
        };
        let request = TrainRequest { experiment, base: base_dir, work_dir, replicate, existing };
        let outcome = training(&device, |job| {
            if download {
                prepare::download(&request.experiment.data, job)?;
            }
            launch(&request, job)
        })?;
        if outcome == Outcome::AlreadyDone {
            say(&format!("{key} is trained already; more epochs go on with it, --force starts over"));
        }
        print(&format!("{}\n", request.run_dir().root().display()))
    }
}
