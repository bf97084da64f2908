//! What can be typed.

use std::path::{Path, PathBuf};

use basin_core::analysis::interpolation::linspace;
use basin_core::analysis::names::short_names;
use basin_core::analysis::selection::Selection;
use basin_core::analysis::subject::Source;
use basin_core::checkpoint::{Location, endings_explained};
use basin_core::config::Registry;
use basin_core::data::Split;
use basin_core::device::{Choice, Choices};
use basin_core::error::Error;
use basin_core::prepare::{CHEXPERT_TRAIN_SIZE, DOMAINNET_SITE};
use basin_core::sweep::{Task, Wanted, tasks};
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::command;

/// Trains networks from scratch and from pre-trained weights, and shows what was transferred.
///
/// A checkpoint is named by its path, or by a URL: s3://, gs://, https:// or http://. What a URL names is kept in BASIN_CACHE, or
/// else in the user's cache folder, and fetched again when it has changed. Safetensors files and those of torch.save are read,
/// whatever their names are.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub train: Train,
}

/// Without a command: trains a key.
#[derive(Debug, Args)]
pub struct Train {
    /// Key of the experiment to train; `runner configs` lists them.
    #[arg(short = 'k', long, value_name = "KEY")]
    pub config_key: Option<String>,
    /// Folder that holds all runs.
    #[arg(short, long, default_value = "experiments", value_name = "FOLDER")]
    pub base_dir: PathBuf,
    /// Folder of this run, instead of <BASE_DIR>/<KEY>.
    #[arg(short, long, value_name = "FOLDER")]
    pub work_dir: Option<PathBuf>,
    /// Trains another instance of the key: sets both seeds to N and works in <BASE_DIR>-repN.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub replicate: u64,
    #[command(flatten)]
    pub settings: Settings,
    #[command(flatten)]
    pub device: Device,
    /// Starts over; an existing folder of the run is kept under another name.
    #[arg(long)]
    pub force: bool,
}

/// Where keys come from, and changes to their settings.
#[derive(Debug, Args)]
pub struct Settings {
    #[command(flatten)]
    pub families: Families,
    /// Changes a setting, such as train.epochs=5; may be repeated. `runner show KEY` shows all.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
}

/// Which runs a command over many is about.
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
    pub fn arguments(&self, task: &Task, device: &str) -> Vec<String> {
        let base = self.base_dir.display().to_string();
        let replicate = task.request.replicate.to_string();
        let mut words = vec!["-k", &task.request.experiment.key, "-b", &base, "--replicate", &replicate];
        words.extend(["--device", device]);
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
        self.configs.as_deref().map_or_else(Registry::load, Registry::with_folder)
    }
}

/// Where to compute.
#[derive(Debug, Args)]
pub struct Device {
    /// Where to compute: auto, cpu, wgpu, vulkan[:N] or cuda[:N]; `doctor` lists what there is. To train on several: cuda:0,cuda:1.
    #[arg(long = "device", default_value = "auto", value_name = "DEVICE")]
    pub choices: Choices,
}

impl Device {
    /// For what computes on no other.
    pub fn cpu() -> Self {
        Self { choices: Choice::Cpu.into() }
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
    /// Memory for what is computed once and used many times: features, or activations before a module. With less the networks
    /// see the images more often, and results are the same.
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

impl Names {
    /// Whether there is one for each network, or none.
    pub fn check(&self, networks: usize) -> Result<(), Error> {
        match self.names.len() {
            0 => Ok(()),
            count if count == networks => Ok(()),
            count => Err(Error::usage(format!(
                "--names has {count} names for {networks} networks; give each one a name"
            ))),
        }
    }

    /// The names that were typed, or what differs in the paths.
    pub fn of(&self, sources: &[Source]) -> Vec<String> {
        if !self.names.is_empty() {
            return self.names.clone();
        }
        short_names(&sources.iter().map(|source| Path::new(&source.path)).collect::<Vec<_>>())
    }
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

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the keys, all or those in which a regular expression is found.
    Configs {
        /// Regular expression.
        regex: Option<String>,
        #[command(flatten)]
        families: Families,
    },
    /// Shows all settings of a key.
    Show {
        /// The key.
        key: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Measures a checkpoint on the test images and stores what it says of each.
    Eval {
        /// The checkpoint.
        checkpoint: PathBuf,
        #[command(flatten)]
        images: Images,
        #[command(flatten)]
        data: Data,
    },
    /// Measures the networks on the straight line between two checkpoints, or on those between any two of several.
    Interpolate(command::interpolate::Interpolate),
    /// Finds the basin that two networks lie in: how flat the loss is around the segment between them, and how far it reaches.
    Basin(command::basin::Basin),
    /// Sets each module of a network back to an earlier value, one at a time, and measures what that costs.
    Rewind(command::rewind::Rewind),
    /// Measures how far each module can go back towards its start, and how much noise it bears there.
    Criticality(command::criticality::Criticality),
    /// Compares the mistakes of networks on the same images.
    Mistakes(command::mistakes::Mistakes),
    /// Compares the features of networks by linear CKA.
    Similarity(command::similarity::Similarity),
    /// Draws a number of finished runs over the epochs.
    Curves(command::curves::Curves),
    /// Draws the accuracy of finished runs over the size of the blocks that were shuffled.
    Shuffles(command::curves::Shuffles),
    /// Draws the accuracy of finished runs over the epoch of pre-training that they were tuned from.
    Pretraining(command::curves::Pretraining),
    /// Measures how far apart networks are in parameter space: each tensor, each module, and the whole network.
    Distance(command::distance::Distance),
    /// Measures the singular values of each convolution and linear layer.
    Spectrum(command::spectrum::Spectrum),
    /// Trains many keys, each in a process of its own; run again, it trains what is missing.
    Sweep(command::sweep::Sweep),
    /// Shows how far many keys are.
    Status(command::status::Status),
    /// Writes Slurm's batch scripts for many keys, and submits them.
    Slurm(command::slurm::Slurm),
    /// Removes checkpoints that the settings of their runs would not keep.
    ///
    /// The first epoch, the best and the last stay, and those of train.keep_every and train.keep, and those that another key or
    /// run starts from; so do runs that are being trained, and folders that the reference wrote. Results that are stored stay
    /// valid; what is removed cannot be analysed again.
    Gc(command::gc::Gc),
    /// Lists the devices of this machine, and checks each shape of an architecture on one of them against the CPU.
    Doctor(command::doctor::Doctor),
    /// Shows, compares and converts checkpoints as files.
    #[command(subcommand)]
    Checkpoint(CheckpointCommand),
    /// Prepares a data set on disk; stopped and run again, it goes on.
    #[command(subcommand)]
    Prepare(Prepare),
    /// Trains all runs of a study, analyses them, and writes a report.
    Study {
        /// Name of a study that comes with the program (demo), or a file of your own, *.ron.
        name: String,
        /// Folder that holds all runs and the report.
        #[arg(short, long, default_value = "experiments", value_name = "FOLDER")]
        base_dir: PathBuf,
        /// Added to the seeds of all runs; give each seed a base folder of its own.
        #[arg(long, default_value_t = 0, value_name = "N")]
        seed: u64,
        /// Lists what the study needs and costs, its runs and how far each is, and does nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        settings: Settings,
        #[command(flatten)]
        device: Device,
    },
}

/// A checkpoint by its path or URL.
pub fn location() -> impl TypedValueParser<Value = Location> {
    PathBufValueParser::new().map(|text| Location::parse(&text))
}

/// What `runner checkpoint convert` does, with all formats.
fn converting() -> String {
    format!(
        "Writes a checkpoint in another format, as the new name's ending says.\n\n{} Values become float32, counters of batches stay int64.",
        endings_explained()
    )
}

/// What is done with checkpoints as files.
#[derive(Debug, Subcommand)]
pub enum CheckpointCommand {
    /// Shows the metadata and the tensors with numbers about their values.
    Inspect {
        /// The checkpoint.
        #[arg(value_parser = location())]
        file: Location,
        /// Shows names, types and shapes only, without reading the values.
        #[arg(long)]
        names: bool,
        /// Prints the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Compares the tensors of two checkpoints: norm of the difference, relative to the first, and cosine.
    Diff {
        /// The first checkpoint.
        #[arg(value_parser = location())]
        one: Location,
        /// The second checkpoint.
        #[arg(value_parser = location())]
        two: Location,
        /// Prints the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Writes a checkpoint in another format, as the new name's ending says.
    #[command(long_about = converting())]
    Convert {
        /// The checkpoint.
        #[arg(value_parser = location())]
        from: Location,
        /// The new file.
        #[arg(value_parser = location())]
        to: Location,
        /// Overwrites the new file if it is there.
        #[arg(long)]
        force: bool,
        /// Prints the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Data sets that can be prepared.
#[derive(Debug, Subcommand)]
pub enum Prepare {
    /// Shrinks CheXpert's images to 224 pixels, and writes the lists of its training, test and dev split.
    Chexpert {
        /// The official folder, which holds train.csv and valid.csv.
        source: PathBuf,
        /// Folder for the small images and the lists.
        dest: PathBuf,
        /// Images of the training split, and at most as many of the test split; fewer suit a part of the data set.
        #[arg(long, default_value_t = CHEXPERT_TRAIN_SIZE, value_name = "N")]
        train_size: usize,
        /// Afterwards decodes every small image, and lists those that are broken.
        #[arg(long)]
        verify: bool,
    },
    /// Downloads CIFAR-10 and unpacks it to <DEST>/cifar-10-batches-bin.
    Cifar10 {
        /// Folder to unpack to: what data.configs.data_dir is to name.
        dest: PathBuf,
        /// The archive cifar-10-binary.tar.gz, instead of a download.
        #[arg(long, value_name = "ARCHIVE")]
        from: Option<PathBuf>,
    },
    /// Downloads domains of DomainNet and unpacks them to <DEST>/DomainNet.
    Domainnet {
        /// Folder to unpack to: what data.configs.data_dir is to name.
        dest: PathBuf,
        /// Domains with commas: clipart, infograph, painting, quickdraw, real, sketch.
        #[arg(long, value_delimiter = ',', required = true, value_name = "DOMAINS")]
        domains: Vec<String>,
        /// Address of a copy of the official site's folder.
        #[arg(long, default_value = DOMAINNET_SITE, value_name = "URL")]
        mirror: String,
        /// Keeps the archives; without it each is removed once its images are there.
        #[arg(long)]
        keep_archives: bool,
        /// Afterwards decodes every image, and lists those that are broken.
        #[arg(long)]
        verify: bool,
    },
    /// Decodes every image of a key's data set, and lists those that are missing, empty or broken.
    Verify {
        /// The key; `runner configs` lists them.
        #[arg(short = 'k', long, value_name = "KEY")]
        config_key: String,
        #[command(flatten)]
        settings: Settings,
    },
}

/// Positions on a line.
#[derive(Debug, Clone)]
pub struct Coefficients(pub Vec<f64>);

/// Evenly spaced numbers, or a list.
pub fn coefficients(text: &str) -> Result<Coefficients, String> {
    let wrong = || format!("{text} is neither first:last:count, such as 0:1:50, nor numbers with commas");
    let number = |part: &str| part.trim().parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(wrong);
    let values = match text.split(':').collect::<Vec<_>>().as_slice() {
        [first, last, count] => {
            let count = count
                .parse::<usize>()
                .ok()
                .filter(|count| (1..=100_000).contains(count))
                .ok_or_else(wrong)?;
            linspace(number(first)?, number(last)?, count)
        }
        [list] => list.split(',').map(number).collect::<Result<_, _>>()?,
        _ => return Err(wrong()),
    };
    Ok(Coefficients(values))
}
