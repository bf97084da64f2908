//! `runner similarity`: linear CKA.

use std::path::PathBuf;

use anyhow::Result;
use basin_core::analysis::similarity::{Estimator, Features, Request, heat_map, similarity, table};
use basin_core::error::Error;
use clap::{Args, ValueEnum};

use super::analyse::experiment;
use super::{print, working};
use crate::args::{Data, Images, Memory};

/// What is compared.
#[derive(Debug, Args)]
pub struct Similarity {
    /// Two checkpoints: every module of the first is compared with every module of the second. Three or more: each pair, layer by
    /// layer.
    #[arg(required = true, num_args = 2.., value_name = "CHECKPOINT")]
    checkpoints: Vec<PathBuf>,
    /// Modules with commas, such as conv1,layer2.1,layer4,avgpool,fc; a stage is its last block. All unless set.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    modules: Vec<String>,
    /// How CKA (centered kernel alignment) is estimated.
    #[arg(long, value_enum, default_value_t)]
    estimator: Estimate,
    /// Batch size of minibatch CKA, 256 unless set.
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Which part of an activation map is one example.
    #[arg(long, value_enum, default_value_t)]
    features: Example,
    #[command(flatten)]
    memory: Memory,
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
    /// Debiased: HSIC as a U-statistic, zero on average for unrelated features; may be negative.
    Unbiased,
    /// The unbiased estimate averaged over minibatches, for many samples.
    Minibatch,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Example {
    /// An image, all positions and channels flattened into one vector; any two modules can be compared.
    #[default]
    Flat,
    /// A position of an image, with its channels as features; modules must have the same height and width.
    Position,
}

impl Similarity {
    /// Compares, and prints the table of layers.
    pub fn run(&self) -> Result<()> {
        let estimator = match (self.estimator, self.batch) {
            (Estimate::Minibatch, batch) => Estimator::Minibatch { batch: batch.unwrap_or(Estimator::BATCH) },
            (_, Some(_)) => {
                return Err(Error::usage("--batch belongs to --estimator minibatch; set both").into());
            }
            (Estimate::Exact, None) => Estimator::Exact,
            (Estimate::Unbiased, None) => Estimator::Unbiased,
        };
        let experiment = experiment(&self.checkpoints[0], &self.data)?;
        let request = Request {
            checkpoints: &self.checkpoints,
            modules: &self.modules,
            features: match self.features {
                Example::Flat => Features::Flat,
                Example::Position => Features::Position,
            },
            estimator,
            memory: self.memory.bytes,
            selection: self.images.selection(),
            experiment: &experiment,
            base: &self.data.base_dir,
        };
        let (result, folder) = working(&self.data.device, |job| similarity(&request, job))?;
        if self.data.json {
            return print(&format!("{}\n", serde_json::to_string(&result)?));
        }
        let more = if heat_map(&result).is_some() { ", with all modules" } else { "" };
        print(&format!("{}written to {}{more}\n", table(&result).text(), folder.display()))
    }
}
