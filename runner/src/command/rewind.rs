//! `runner rewind`: one module at a time at an earlier value.

use std::path::PathBuf;

use anyhow::Result;
use basin_core::analysis::named::Named;
use basin_core::analysis::rewinding::{Request, rewind, table};

use super::{analyse, print, working};
use crate::args::{Data, Images, Memory};

/// What is rewound, and to what.
#[derive(Debug, clap::Args)]
pub struct Rewind {
    /// The network whose modules are rewound: the final checkpoint, or another one.
    checkpoint: PathBuf,
    /// What modules are rewound to: an epoch of the same run, or a checkpoint's path; may be repeated.
    #[arg(long, default_value = "0", value_name = "EPOCH|PATH")]
    to: Vec<Named>,
    /// Also sets modules to a fresh draw of the architecture's initialisation (re-randomisation), with this seed; may be repeated.
    #[arg(long, value_name = "SEED")]
    rerandomise: Vec<u64>,
    /// The modules, with commas, such as conv1,layer1.0,fc; all unless set.
    #[arg(long, value_delimiter = ',', value_name = "MODULES")]
    modules: Vec<String>,
    #[command(flatten)]
    images: Images,
    #[command(flatten)]
    memory: Memory,
    /// Folder for the results, instead of one in the run of the checkpoint.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
}

impl Rewind {
    /// Measures the network with each module rewound, and prints a row for each.
    pub fn run(&self) -> Result<()> {
        let Rewind { checkpoint, to, rerandomise, modules, images, memory, output, data } = self;
        let experiment = analyse::experiment(checkpoint, data)?;
        let request = Request {
            checkpoint,
            to,
            seeds: rerandomise,
            modules,
            selection: images.selection(),
            experiment: &experiment,
            memory_bytes: memory.bytes,
            base: &data.base_dir,
            output: output.as_deref(),
            watch: None,
        };
        let (result, folder) = working(&data.device, |job| rewind(&request, job))?;
        if data.json {
            return print(&format!("{}\n", serde_json::to_string(&result)?));
        }
        print(&format!("{}written to {}\n", table(&result).text(), folder.display()))
    }
}
