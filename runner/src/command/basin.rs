//! The basin of two networks.

use std::path::PathBuf;

use anyhow::Result;
use basin_core::analysis::basin::{Basin as Search, Loss, Request, STATEMENT, Settings, basin, table};
use basin_core::error::Error;
use basin_core::number;

use super::{analyse, print, working};
use crate::args::{Data, Images};

/// Two checkpoints, and how their basin is searched.
#[derive(Debug, clap::Args)]
#[command(after_help = STATEMENT)]
pub struct Basin {
    /// The first checkpoint.
    one: PathBuf,
    /// The second checkpoint.
    two: PathBuf,
    /// The loss: error-rate, which the paper's epsilons fit, or cross-entropy.
    #[arg(long, default_value = "error-rate", value_name = "LOSS", value_parser = loss)]
    loss: Loss,
    /// How far the loss of a point of the segment may lie from the mean [default: 0.01 of the error rate, 0.05 nats]
    #[arg(long, value_name = "T")]
    tolerance: Option<f64>,
    /// Draws of noise, and of steps past an end, for each end and delta.
    #[arg(long, default_value_t = 10, value_name = "N")]
    draws: usize,
    /// Folder for the results, instead of one in the run of the first checkpoint.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    #[command(flatten)]
    images: Images,
    #[command(flatten)]
    data: Data,
}

impl Basin {
    /// Searches, and prints what was found.
    pub fn run(&self) -> Result<()> {
        let tolerance = self.tolerance.unwrap_or(self.loss.tolerance());
        if !(tolerance > 0.0 && tolerance.is_finite()) {
            return Err(Error::usage(format!("--tolerance must be a number above 0: {tolerance}")).into());
        }
        if self.draws == 0 {
            return Err(Error::usage("--draws must be at least 1: 0").into());
        }
        let experiment = analyse::experiment(&self.one, &self.data)?;
        let request = Request {
            loss: self.loss,
            settings: Settings { tolerance, draws: self.draws },
            experiment: &experiment,
            selection: self.images.selection(),
            base: &self.data.base_dir,
            output: self.output.as_deref(),
        };
        let (result, folder) = working(&self.data.device, |job| basin(&self.one, &self.two, &request, job))?;
        if self.data.json {
            return print(&format!("{}\n", serde_json::to_string(&result)?));
        }
        print(&format!("{}written to {}\n", summary(&result), folder.display()))
    }
}

fn summary(result: &Search) -> String {
    let Some(found) = &result.found else { return String::new() };
    let [first, last] = found.segment;
    format!(
        "segment {first:.2} to {last:.2}, {} {} on average, epsilon {}\ndistance of the networks {:.3}, {} trained \
         parameters\n{}{}\n",
        result.loss.name(),
        number::loss(found.mean),
        number::loss(found.epsilon),
        result.distance,
        result.parameters,
        if found.rises.is_empty() { String::new() } else { table(found).text() },
        found.verdict(),
    )
}

fn loss(text: &str) -> Result<Loss, String> {
    match text {
        "error-rate" => Ok(Loss::ErrorRate),
        "cross-entropy" => Ok(Loss::CrossEntropy),
        _ => Err(format!("{text} is no loss; choose error-rate or cross-entropy")),
    }
}
