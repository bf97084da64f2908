//! Arguments that several commands have.

use std::path::PathBuf;

use basin_core::analysis::selection::Selection;
use basin_core::checkpoint::Location;
use basin_core::config::Registry;
use basin_core::data::Split;
use basin_core::device::{Choice, Choices, Instructions};
use basin_core::error::Error;
use basin_core::sweep::{Task, Wanted, tasks};
use clap::builder::{PathBufValueParser, PossibleValue, TypedValueParser};
use clap::{Args, ValueEnum};

/// Where keys come from, and changes to their settings.
#[derive(Debug, Args)]
pub struct Settings {
    #[command(flatten)]
    pub families: Families,
    /// Changes a setting, such as train.epochs=5; may be repeated. `runner show KEY` prints all, such as train.finetune_from
    /// (fine-tuning), train.micro_batch (gradient accumulation), train.precision=bf16 (mixed precision), lr_scheduler.name
    /// (learning-rate schedule), optimizer.weight_decay, seed.init and seed.order.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
}

/// The runs of a command over many.
#[derive(Debug, Args)]
pub struct Runs {
    /// Regular expression that is found in the keys.
    pub regex: String,
    /// Folder that holds all runs.
    #[arg(short, long, default_value = "experiments", value_name = "FOLDER")]
    pub base_dir: PathBuf,
    /// Instances of each key, with commas, such as 0,1,2.
    #[arg(long, value_delimiter = ',', default_value = "0", value_name = "NUMBERS")]
    pub replicate: Vec<u64>,
    #[command(flatten)]
    pub settings: Settings,
}

impl Runs {
    /// The runs, in order.
    pub fn tasks(&self, registry: &Registry) -> Result<Vec<Task>, Error> {
        let Self { regex, base_dir, replicate, settings } = self;
        let wanted = Wanted { pattern: regex, replicates: replicate, base: base_dir, set: &settings.set };
        tasks(&wanted, registry)
    }

    /// What is typed after the program's name to train one of them.
    pub fn arguments(&self, task: &Task, device: &str, processor: &Processor) -> Vec<String> {
        let base = self.base_dir.display().to_string();
        let replicate = task.request.replicate.to_string();
        let mut words = vec!["-k", &task.request.experiment.key, "-b", &base, "--replicate", &replicate];
        words.extend(["--device", device]);
        if processor.instructions == CpuInstructions(Instructions::Avx2) {
            words.extend(["--instructions", "avx2"]);
        }
        let configs = self.settings.families.configs.as_ref().map(|folder| folder.display().to_string());
        words.extend(configs.iter().flat_map(|folder| ["--configs", folder]));
        words.extend(self.settings.set.iter().flat_map(|setting| ["--set", setting]));
        words.into_iter().map(str::to_owned).collect()
    }
}

/// Where keys come from.
#[derive(Debug, Args)]
pub struct Families {
    /// Folder with families of your own, *.ron; their keys come after the program's.
    #[arg(long, env = "BASIN_CONFIGS", value_name = "FOLDER")]
    pub configs: Option<PathBuf>,
}

impl Families {
    /// All keys there are.
    pub fn registry(&self) -> basin_core::error::Result<Registry> {
        let registry = Registry::load()?;
        match &self.configs {
            Some(folder) => registry.with_folder(folder),
            None => Ok(registry),
        }
    }
}

/// Where to compute.
#[derive(Debug, Args)]
pub struct Device {
    /// Where to compute: auto, cpu, wgpu, vulkan[:N] or cuda[:N]; `doctor` lists the devices of this machine. Data parallel training
    /// on several: cuda:0,cuda:1.
    #[arg(long = "device", default_value = "auto", value_name = "DEVICE")]
    pub choices: Choices,
    #[command(flatten)]
    pub processor: Processor,
}

impl Device {
    /// For what computes on no other.
    pub fn cpu() -> Self {
        Self {
            choices: Choice::Cpu.into(),
            processor: Processor { instructions: CpuInstructions(Instructions::Widest) },
        }
    }
}

/// How the CPU computes.
#[derive(Debug, Args)]
pub struct Processor {
    /// Vector instructions of the CPU: the widest that it has, or avx2, with which all x86-64 processors of a mixed cluster compute the
    /// same bytes.
    #[arg(long, env = "BASIN_INSTRUCTIONS", default_value = "widest", value_name = "INSTRUCTIONS")]
    pub instructions: CpuInstructions,
}

/// [`Instructions`] as they are typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuInstructions(pub Instructions);

impl ValueEnum for CpuInstructions {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Instructions::Widest), Self(Instructions::Avx2)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self.0 {
            Instructions::Widest => "widest",
            Instructions::Avx2 => "avx2",
        }))
    }
}

/// Which images an analysis uses.
#[derive(Debug, Args)]
pub struct Data {
    /// Key whose data and architecture are used, instead of those of the run that the checkpoint lies in.
    #[arg(short = 'k', long, value_name = "KEY")]
    pub config_key: Option<String>,
    #[command(flatten)]
    pub settings: Settings,
    /// Where results are written if the checkpoint lies in no run.
    #[arg(short, long, default_value = "experiments", value_name = "FOLDER")]
    pub base_dir: PathBuf,
    #[command(flatten)]
    pub device: Device,
    /// Prints the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// How much an analysis may keep in memory.
#[derive(Debug, Args)]
pub struct Memory {
    /// Memory for features, or for activations before a module, that are computed once and used many times. With less memory,
    /// forward passes are repeated more often; results are the same.
    #[arg(long = "memory", default_value = "2GiB", value_name = "SIZE", value_parser = bytes)]
    pub bytes: usize,
}

/// Bytes: a number and KiB, MiB or GiB; MiB if there is no unit.
fn bytes(text: &str) -> Result<usize, String> {
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
    let bytes = bytes.filter(|bytes| (0.0..1e15).contains(bytes));
    bytes.map(|bytes| bytes as usize).ok_or_else(|| format!("{text} is no size; write it as 512MiB or 2GiB"))
}

/// Which of these images.
#[derive(Debug, Args)]
pub struct Images {
    /// The split: test, train (in evaluation mode), or dev.
    #[arg(long, default_value = "test", value_name = "SPLIT", value_parser = split)]
    pub split: Split,
    /// Uses N samples, evenly spaced over the split's list, instead of all.
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
}

impl Images {
    /// The selection that was typed.
    pub fn selection(&self) -> Selection {
        Selection { split: self.split, samples: self.samples }
    }
}

/// What networks are called in tables and figures.
#[derive(Debug, Args)]
pub struct Names {
    /// Names of the networks in tables and figures, with commas, such as P,P-T,RI-T; unless set, what differs in their paths.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub names: Vec<String>,
}

/// Where a result goes.
#[derive(Debug, Args)]
pub struct Output {
    /// Folder for the results, instead of one in the run of the first checkpoint, or in <BASE_DIR>/analysis/curves.
    #[arg(short, long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// Which finished runs an analysis is about.
#[derive(Debug, Args)]
pub struct FinishedRuns {
    /// Folder that holds the runs; those in <BASE_DIR>-repN are further instances.
    #[arg(short, long, default_value = "experiments", value_name = "FOLDER")]
    pub base_dir: PathBuf,
    #[command(flatten)]
    pub families: Families,
    /// Prints the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A checkpoint by its path, its URL or its place on the Hugging Face hub.
pub fn location() -> impl TypedValueParser<Value = Location> {
    PathBufValueParser::new().map(|text| Location::parse(&text))
}

/// A split by the name that is typed.
pub fn split(text: &str) -> Result<Split, String> {
    match text {
        "test" => Ok(Split::Test),
        "train" => Ok(Split::EvalTrain),
        "dev" => Ok(Split::Dev),
        _ => Err(format!("{text} is no split; choose test, train or dev")),
    }
}
