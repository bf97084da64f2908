//! How far apart networks are.

use std::path::{Path, PathBuf};

use anyhow::Result;
use basin_core::analysis::distance::{distances, trajectory};
use clap::Args;
use serde_json::json;

use super::{print, working};
use crate::args::{Data, Names};

#[derive(Debug, Args)]
pub struct Distance {
    /// The checkpoints.
    #[arg(num_args = 2.., required_unless_present = "trajectory", value_name = "CHECKPOINT")]
    checkpoints: Vec<PathBuf>,
    /// Instead measures every kept checkpoint of a run from its start, its pre-trained weights and its end.
    #[arg(long, value_name = "RUN_FOLDER", conflicts_with_all = ["checkpoints", "names"])]
    trajectory: Option<PathBuf>,
    #[command(flatten)]
    names: Names,
    #[command(flatten)]
    data: Data,
}

impl Distance {
    /// Measures, draws, and prints modules and totals.
    pub fn run(&self) -> Result<()> {
        let arch = match &self.data.config_key {
            Some(key) => Some(self.data.settings.families.registry()?.get(key)?.model.arch),
            None => None,
        };
        match &self.trajectory {
            Some(run) => self.along(run, arch.as_deref()),
            None => self.between(arch.as_deref()),
        }
    }

    fn between(&self, arch: Option<&str>) -> Result<()> {
        let paths: Vec<&Path> = self.checkpoints.iter().map(PathBuf::as_path).collect();
        self.names.check(paths.len())?;
        let (result, labels, folder) = working(&self.data.device, |job| {
            let (result, folder) = distances(&paths, arch, &self.data.base_dir, job)?;
            let labels = self.names.of(&result.networks);
            result.save_figures(&labels, &folder)?;
            Ok((result, labels, folder))
        })?;
        if self.data.json {
            return print(&format!("{}\n", json!({ "labels": labels, "folder": folder, "result": result })));
        }
        let (modules, totals) = (result.modules(&labels).text(), result.totals(&labels).text());
        print(&format!("l2 distance of each module\n{modules}\n{totals}written to {}\n", folder.display()))
    }

    fn along(&self, run: &Path, arch: Option<&str>) -> Result<()> {
        let (result, folder) = working(&self.data.device, |job| {
            let (result, folder) = trajectory(run, arch, &self.data.base_dir, job)?;
            result.save_figures(&folder)?;
            Ok((result, folder))
        })?;
        if self.data.json {
            return print(&format!("{}\n", json!({ "folder": folder, "result": result })));
        }
        print(&format!("{}written to {}\n", result.table().text(), folder.display()))
    }
}
