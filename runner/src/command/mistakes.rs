//! `runner mistakes`: which mistakes networks share.

use std::path::PathBuf;

use anyhow::Result;
use basin_core::analysis::mistakes::{Candidate, Request, mistakes, pairs_table, parts_table};
use basin_core::checkpoint::Location;
use basin_core::run::RunDir;

use super::analyse::experiment;
use super::{print, working};
use crate::args::{Data, Names};

/// Classes or findings that are printed; more are in `table-parts.csv`.
const PRINTED: usize = 30;

/// Compares the mistakes of networks on the same images.
#[derive(Debug, clap::Args)]
pub struct Mistakes {
    /// Two or more files: predictions that a run or `runner eval` has written, or checkpoints, of which the run's predictions of
    /// the test split are used, or measured now.
    #[arg(required = true, num_args = 2.., value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    names: Names,
    /// Images of each quadrant on the contact sheets; 0 draws none.
    #[arg(long, default_value_t = 8, value_name = "N")]
    examples: usize,
    #[command(flatten)]
    data: Data,
}

impl Mistakes {
    /// Prints the table of all pairs, and that of their classes or findings if it is short.
    pub fn run(&self) -> Result<()> {
        let Mistakes { files, names, examples, data } = self;
        let candidate = |path: &PathBuf| {
            // Predictions alone need no settings.
            let location = Location::parse(path);
            let is_alone = data.config_key.is_none()
                && !location.is_missing()
                && RunDir::of_checkpoint(&location).is_none();
            let experiment = if is_alone { None } else { Some(experiment(path, data)?) };
            Ok(Candidate { path: path.clone(), experiment })
        };
        names.check(files.len())?;
        let networks = files.iter().map(candidate).collect::<Result<Vec<_>>>()?;
        let request =
            Request { networks: &networks, names: &names.names, examples: *examples, base: &data.base_dir };
        let (result, folder) = working(&data.device, |job| mistakes(&request, job))?;
        if data.json {
            return print(&format!("{}\n", serde_json::to_string(&result)?));
        }
        let mut text = format!("{} images of {}, {} split\n", result.samples, result.data, result.split);
        text += &pairs_table(&result).text();
        let parts = parts_table(&result);
        if parts.rows.len() <= PRINTED {
            text += &format!("\n{}", parts.text());
        }
        print(&format!("{text}written to {}\n", folder.display()))
    }
}
