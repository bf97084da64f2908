//! `runner gc`: checkpoints that need not be kept.

use std::path::PathBuf;

use anyhow::Result;
use basin_core::number;
use basin_core::sweep::gc::{GcRequest, remove, surplus};
use clap::Args;
use serde_json::json;

use super::print;
use crate::args::Settings;
use crate::progress::say;

/// Which runs, and what they keep.
#[derive(Debug, Args)]
pub struct Gc {
    /// Regular expression that is found in the keys.
    regex: String,
    /// Folder that holds the runs; those in <BASE_DIR>-repN are further instances.
    #[arg(short, long, default_value = "experiments", value_name = "FOLDER")]
    base_dir: PathBuf,
    /// Lists the checkpoints that would be removed, and removes none.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    settings: Settings,
    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Gc {
    /// Removes checkpoints, and prints how many and how large.
    pub fn run(&self) -> Result<()> {
        let Gc { regex, base_dir, dry_run, settings, json } = self;
        let request = GcRequest { base: base_dir, keys: regex, set: &settings.set };
        let mut found = surplus(&request, &settings.families.registry()?)?;
        if !dry_run {
            remove(&mut found)?;
        }
        for run in &found.running {
            say(&format!("{run} is being trained and was left alone"));
        }
        if *json {
            let (files, bytes) = (found.files(), found.bytes());
            return print(&format!(
                "{}\n",
                json!({ "dry_run": dry_run, "files": files, "bytes": bytes, "surplus": found })
            ));
        }
        let mut text = match (found.files(), dry_run) {
            (0, _) => "nothing to remove\n".to_owned(),
            (_, true) => format!("{}would be removed\n", found.table().text()),
            (_, false) => format!("{}removed\n", found.table().text()),
        };
        if found.asked_for_bytes > 0 {
            text += &format!(
                "{} more stay because the runs ask for it; --set train.keep_every=0 --set train.keep=[] lets them go\n",
                number::bytes(found.asked_for_bytes)
            );
        }
        print(&text)
    }
}
