//! `runner -k KEY`: trains one run.

use anyhow::Result;
use basin_core::error::Error;
use basin_core::train::launch::{Existing, Outcome, TrainRequest, launch};

use super::{print, training};
use crate::args::Train;
use crate::progress::say;

/// Trains a key, and prints the run's folder.
pub fn run(arguments: Train) -> Result<()> {
    let Train { config_key, base_dir, work_dir, replicate, settings, device, force } = arguments;
    let Some(key) = config_key else {
        return Err(Error::usage(
            "name a key with -k KEY; `runner configs` lists them, `runner --help` shows more",
        )
        .into());
    };
    let experiment = settings.families.registry()?.seeded(&key, replicate, &settings.set)?;
    let existing = if force { Existing::SetAside } else { Existing::Resume };
    let request = TrainRequest { experiment, base: base_dir, work_dir, replicate, existing };
    let outcome = training(&device, |job| launch(&request, job))?;
    if outcome == Outcome::AlreadyDone {
        say(&format!("{key} is trained already; more epochs go on with it, --force starts over"));
    }
    print(&format!("{}\n", request.run_dir().root().display()))
}
