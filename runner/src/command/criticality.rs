//! `runner criticality`: module criticality.

use std::path::PathBuf;

use anyhow::Result;
use basin_core::analysis::criticality::{
    Bound, Grid, Objective, PathKind, Request, Rule, criticality, table,
};
use basin_core::analysis::named::Named;
use basin_core::analysis::selection::Selection;
use basin_core::data::Split;

use super::{analyse, print, working};
use crate::args::{Coefficients, Data, Memory, coefficients, split};

/// What is measured, and how it is scored.
#[derive(Debug, clap::Args)]
pub struct Criticality {
    /// The ends of the paths: the final checkpoint, the best, or both.
    #[arg(required = true)]
    checkpoints: Vec<PathBuf>,
    /// The start of the paths: an epoch of the same run, or a checkpoint's path.
    #[arg(long, default_value = "0", value_name = "EPOCH|PATH")]
    start: Named,
    /// The paths, with commas: direct (the straight line) and optimisation (the checkpoints of the run).
    #[arg(long, default_value = "direct", value_delimiter = ',', value_name = "PATHS")]
    paths: Vec<PathKind>,
    /// The modules, with commas, such as conv1,layer1.0,fc; all unless set.
    #[arg(long, value_delimiter = ',', value_name = "MODULES")]
    modules: Vec<String>,
    /// Coefficients on the direct path: first:last:count, or numbers with commas.
    #[arg(long, default_value = "0:1:11", value_name = "RANGE", value_parser = coefficients)]
    alphas: Coefficients,
    /// Standard deviations of the noise: first:last:count, or numbers with commas. 0 is drawn, but has no score.
    #[arg(long, default_value = "0:1:11", value_name = "RANGE", value_parser = coefficients)]
    sigmas: Coefficients,
    /// Draws of noise for each point; the authors' public implementation takes 10.
    #[arg(long, default_value_t = 3, value_name = "N")]
    draws: usize,
    /// Seed of the noise.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u64,
    /// The objective by which a point is compared with the end: loss, error (the 0-1 loss of the definition), or auc (1 - AUC).
    #[arg(long, default_value = "loss", value_name = "OBJECTIVE")]
    objective: Objective,
    /// A point counts as good as the end if its objective is at most FACTOR times the end's; 1.01 is the public implementation's.
    #[arg(long, default_value_t = 1.01, value_name = "FACTOR")]
    within: f64,
    /// A point counts as good as the end if its objective is at most EPSILON, as in the definition, whatever the end's is.
    #[arg(long, value_name = "EPSILON", conflicts_with = "within")]
    epsilon: Option<f64>,
    /// The split: train (in evaluation mode, as in the definition), test, or dev.
    #[arg(long, default_value = "train", value_name = "SPLIT", value_parser = split)]
    split: Split,
    /// Uses N samples, evenly spaced over the split's list, instead of all.
    #[arg(long, value_name = "N")]
    samples: Option<usize>,
    #[command(flatten)]
    memory: Memory,
    /// Folder for the results of one path to one end, instead of one in the run of the checkpoint.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
}

impl Criticality {
    /// Measures the surfaces of each path to each end, and prints their scores.
    pub fn run(&self) -> Result<()> {
        let Criticality { checkpoints, paths, data, .. } = self;
        if self.output.is_some() && checkpoints.len() * paths.len() > 1 {
            return Err(basin_core::error::Error::usage(
                "--output is one folder, but each path to each checkpoint needs its own; name one of each",
            )
            .into());
        }
        let grid = Grid {
            alphas: self.alphas.0.clone(),
            sigmas: self.sigmas.0.clone(),
            draws: self.draws,
            seed: self.seed,
        };
        let bound = self.epsilon.map_or(Bound::Relative(self.within), Bound::Absolute);
        for end in checkpoints {
            let experiment = analyse::experiment(end, data)?;
            for &path in paths {
                let request = Request {
                    end,
                    start: &self.start,
                    path,
                    grid: &grid,
                    rule: Rule { objective: self.objective, bound },
                    modules: &self.modules,
                    selection: Selection { split: self.split, samples: self.samples },
                    experiment: &experiment,
                    memory_bytes: self.memory.bytes,
                    base: &data.base_dir,
                    output: self.output.as_deref(),
                    watch: None,
                };
                let (result, folder) = working(&data.device, |job| criticality(&request, job))?;
                if data.json {
                    print(&format!("{}\n", serde_json::to_string(&result)?))?;
                    continue;
                }
                print(&format!(
                    "{} path to {}; {}\n{}written to {}\n",
                    path.name(),
                    end.display(),
                    result.epsilon_in_words(),
                    table(&result).text(),
                    folder.display()
                ))?;
            }
        }
        Ok(())
    }
}
