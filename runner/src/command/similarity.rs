//! CKA of networks.

use std::path::PathBuf;

use anyhow::Result;
use basin_core::analysis::similarity::{Estimator, Features, Request, heat_map, similarity, table};
use basin_core::error::Error;
use clap::{Args, ValueEnum};

use super::analyse::experiment;
use super::{print, working};
use crate::args::{Data, Images};

/// Batches of minibatch CKA, as in Nguyen et al. 2021.
const BATCH: usize = 256;

/// What is compared.
#[derive(Debug, Args)]
pub struct Similarity {
    /// Checkpoints: of two, all modules of the first are compared with all of the second; of more, each two layer by layer.
    #[arg(required = true, num_args = 2.., value_name = "CHECKPOINT")]
    checkpoints: Vec<PathBuf>,
    /// Modules with commas, such as conv1,layer2.1,layer4,avgpool,fc; a stage is its last block. All unless set.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    modules: Vec<String>,
    /// The estimate of CKA.
    #[arg(long, value_enum, default_value_t)]
    estimator: Estimate,
    /// Samples of a batch of minibatch CKA, to which samples are dealt one by one; 256 unless set.
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// What an example is.
    #[arg(long, value_enum, default_value_t)]
    features: Example,
    /// Memory for features and their products; with less, the networks see the images several times.
    #[arg(long, default_value = "2GiB", value_name = "SIZE", value_parser = memory)]
    memory: usize,
    #[command(flatten)]
    images: Images,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Estimate {
    /// The definition; too high where samples are fewer than features.
    #[default]
    Exact,
    /// By a U-statistic: zero on average for unrelated features, may be negative.
    Unbiased,
    /// The same, averaged over batches: for many samples.
    Minibatch,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Example {
    /// An image, with what all positions hold: any two modules can be compared.
    #[default]
    Flat,
    /// A position of an image, with its channels: modules of one height and width.
    Position,
}

/// Compares, and prints the table of layers.
pub fn run(arguments: &Similarity) -> Result<()> {
    let estimator = match (arguments.estimator, arguments.batch) {
        (Estimate::Minibatch, batch) => Estimator::Minibatch { batch: batch.unwrap_or(BATCH) },
        (_, Some(_)) => {
            return Err(Error::usage("--batch belongs to --estimator minibatch; set both").into());
        }
        (Estimate::Exact, None) => Estimator::Exact,
        (Estimate::Unbiased, None) => Estimator::Unbiased,
    };
    let experiment = experiment(&arguments.checkpoints[0], &arguments.data)?;
    let request = Request {
        checkpoints: &arguments.checkpoints,
        modules: &arguments.modules,
        features: match arguments.features {
            Example::Flat => Features::Flat,
            Example::Position => Features::Position,
        },
        estimator,
        memory: arguments.memory,
        selection: arguments.images.selection(),
        experiment: &experiment,
        base: &arguments.data.base_dir,
    };
    let (result, folder) = working(&arguments.data.device, |job| similarity(&request, job))?;
    if arguments.data.json {
        return print(&format!("{}\n", serde_json::to_string(&result)?));
    }
    let more = if heat_map(&result).is_some() { ", with all modules" } else { "" };
    print(&format!("{}written to {}{more}\n", table(&result).text(), folder.display()))
}

/// Bytes: a number and KiB, MiB or GiB; MiB if there is no unit.
fn memory(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "KiB" => Some(10),
        "" | "MiB" => Some(20),
        "GiB" => Some(30),
        _ => None,
    };
    let bytes =
        shift.zip(number.parse::<f64>().ok()).map(|(shift, number)| number * f64::from(1u32 << shift));
    let bytes = bytes.filter(|bytes| (1.0..1e15).contains(bytes));
    bytes.map(|bytes| bytes as usize).ok_or_else(|| format!("{text} is no size; write it as 512MiB or 2GiB"))
}
