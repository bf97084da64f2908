//! Commands over many finished runs.

use std::path::PathBuf;

use anyhow::Result;
use basin_core::analysis::curves::{self, Choice, SHUFFLE_KEYS, Summary, TUNED_KEYS};
use basin_core::run::tag;

use super::print;
use crate::args::Families;

/// Which runs, and where results go.
#[derive(Debug, clap::Args)]
struct Runs {
    /// Folder that holds the runs; those in <BASE_DIR>-repN are further instances.
    #[arg(short, long, default_value = "experiments", value_name = "FOLDER")]
    base_dir: PathBuf,
    #[command(flatten)]
    families: Families,
    /// Folder for the results, instead of one in <BASE_DIR>/analysis/curves.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

/// How runs become one number.
#[derive(Debug, clap::Args)]
struct Bar {
    /// Uses runs with this optimizer.base_lr, instead of the best one for each number by mean test accuracy.
    #[arg(long, value_name = "RATE")]
    rate: Option<f64>,
    /// First epoch in the mean of the training accuracy; 0 is before training.
    #[arg(long, default_value_t = Choice::default().first_epoch, value_name = "N")]
    first_epoch: usize,
}

impl Bar {
    fn choice(&self) -> Choice {
        Choice { rate: self.rate, first_epoch: self.first_epoch }
    }
}

#[derive(Debug, clap::Args)]
pub struct Curves {
    /// Regular expression that is found in the keys.
    regex: String,
    /// What is drawn, as it is named in metrics.jsonl and the event files.
    #[arg(long, default_value = tag::TEST_ACCURACY, value_name = "TAG")]
    tag: String,
    #[command(flatten)]
    runs: Runs,
}

#[derive(Debug, clap::Args)]
pub struct Shuffles {
    /// Regular expression that is found in the keys.
    #[arg(default_value = SHUFFLE_KEYS)]
    regex: String,
    #[command(flatten)]
    bar: Bar,
    #[command(flatten)]
    runs: Runs,
}

#[derive(Debug, clap::Args)]
pub struct Pretraining {
    /// Regular expression that is found in the keys.
    #[arg(default_value = TUNED_KEYS)]
    regex: String,
    #[command(flatten)]
    bar: Bar,
    #[command(flatten)]
    runs: Runs,
}

impl Curves {
    /// Prints and draws a tag over the epochs.
    pub fn run(&self) -> Result<()> {
        let Runs { base_dir, families, .. } = &self.runs;
        self.runs.show(&curves::learning_curves(base_dir, &self.regex, &self.tag, &families.registry()?)?)
    }
}

impl Shuffles {
    /// Prints and draws accuracy over block size.
    pub fn run(&self) -> Result<()> {
        let Runs { base_dir, families, .. } = &self.runs;
        self.runs.show(&curves::shuffles(base_dir, &self.regex, self.bar.choice(), &families.registry()?)?)
    }
}

impl Pretraining {
    /// Prints and draws accuracy over the epoch of pre-training.
    pub fn run(&self) -> Result<()> {
        let Runs { base_dir, families, .. } = &self.runs;
        self.runs.show(&curves::pretraining(base_dir, &self.regex, self.bar.choice(), &families.registry()?)?)
    }
}

impl Runs {
    fn show(&self, summary: &impl Summary) -> Result<()> {
        let folder = self.output.clone().unwrap_or_else(|| summary.folder(&self.base_dir));
        summary.save(&folder)?;
        if self.json {
            return print(&format!("{}\n", serde_json::to_string(summary)?));
        }
        let notes: String = summary.notes().iter().map(|note| format!("{note}\n")).collect();
        print(&format!("{}{notes}written to {}\n", summary.table().text(), folder.display()))
    }
}
