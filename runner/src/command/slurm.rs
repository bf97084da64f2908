//! `runner slurm`: many runs as job arrays of a Slurm cluster.

mod selection;
mod submit;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Result;
use basin_core::device::Choice;
use basin_core::error::Error;
use basin_core::file::{digest, remove_temporaries, write_atomically};
use basin_core::run::absolute;
use basin_core::shell;
use basin_core::slurm::{self, Line, Options, Resources, array_size};
use basin_core::sweep::Task;

use self::submit::{Batch, configuration};
use super::print;
use crate::args::{Processor, Runs};
use crate::progress::say;

pub use self::submit::Refused;

#[derive(Debug, clap::Args)]
pub struct Slurm {
    #[command(flatten)]
    runs: Runs,
    /// Where each run computes, such as cpu, cuda, or cuda:0,cuda:1 (data parallel); unless set, as many GPUs as gpu_spec of its key
    /// says.
    #[arg(long, value_delimiter = ',', value_name = "DEVICES")]
    device: Vec<Choice>,
    #[command(flatten)]
    processor: Processor,
    /// Folder for scripts, commands and logs, instead of <BASE_DIR>/slurm.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Submits the scripts; without it, the commands that submit them are printed.
    #[arg(long)]
    submit: bool,
    /// Partition of the cluster.
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Time limit of a job, such as 4:00:00; a run that reaches it, or is preempted, is requeued and resumes.
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Runs of a job array at once.
    #[arg(long, value_name = "N")]
    max_parallel: Option<NonZeroUsize>,
    /// A further option of sbatch, such as --account=vision; may be repeated, and overrides the program's own.
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    sbatch: Vec<String>,
}

impl Slurm {
    /// Writes the scripts, and submits them or prints how.
    pub fn run(&self) -> Result<()> {
        let registry = self.runs.settings.families.registry()?;
        let tasks = self.runs.tasks(&registry)?;
        let lines = self.lines(&tasks)?;
        if lines.is_empty() {
            say("there is nothing to submit");
            return Ok(());
        }
        let output = self.output.clone().unwrap_or_else(|| self.runs.base_dir.join("slurm"));
        std::fs::create_dir_all(&output).map_err(Error::io("create", &output))?;
        remove_temporaries(&output);
        let batches = self.write(&lines, &absolute(&output))?;
        if self.submit { submit::all(&batches) } else { print(&submit::commands(&batches)) }
    }

    /// The runs that can be submitted.
    fn lines(&self, tasks: &[Task]) -> Result<Vec<Line>> {
        let chosen = selection::submittable(tasks)?;
        let program = std::env::current_exe().map_err(Error::io("find", Path::new("this program")))?;
        let line = |task: &Task| -> Result<Line> {
            let devices = self.devices(task);
            let device = devices.iter().map(Choice::to_string).collect::<Vec<_>>().join(",");
            let words = std::iter::once(program.display().to_string()).chain(self.runs.arguments(
                task,
                &device,
                &self.processor,
            ));
            let need = selection::unmet(task).and_then(|need| need.task);
            let command = shell::line(words);
            if command.contains('\n') {
                // A task of the array is a line of a file.
                return Err(Error::usage(format!(
                    "the path or setting of {} holds a line break, which no job array can have; rename it",
                    task.name()
                ))
                .into());
            }
            Ok(Line {
                command,
                resources: Resources {
                    gpus: devices.iter().filter(|device| **device != Choice::Cpu).count(),
                    cpus: task.request.experiment.train.data_workers,
                },
                need: need.and_then(|need| chosen.binary_search(&need).ok()),
            })
        };
        chosen.iter().map(|index| line(&tasks[*index])).collect()
    }

    /// The devices that were typed, or those of the key's `gpu_spec`: a number, `x`, and a kind.
    fn devices(&self, task: &Task) -> Vec<Choice> {
        if !self.device.is_empty() {
            return self.device.clone();
        }
        let spec = &task.request.experiment.gpu_spec;
        let gpus = spec.split_once('x').and_then(|(count, _)| count.parse().ok()).unwrap_or(0);
        if gpus == 0 { vec![Choice::Cpu] } else { (0..gpus).map(Choice::Cuda).collect() }
    }

    /// Writes a script and its commands for each array, under names that no other content has: what waits in a queue reads them.
    fn write(&self, lines: &[Line], output: &Path) -> Result<Vec<Batch>> {
        let size = array_size(&configuration())?;
        let arrays = slurm::arrays(lines, size);
        let placed: usize = arrays.iter().map(|array| array.lines.len()).sum();
        if placed < lines.len() {
            return Err(Error::usage(format!(
                "{} keys wait for one another; check train.finetune_from",
                lines.len() - placed
            ))
            .into());
        }
        let options: Vec<String> = [("partition", &self.partition), ("time", &self.time)]
            .iter()
            .filter_map(|(name, value)| Some(format!("--{name}={}", value.as_ref()?)))
            .chain(self.sbatch.iter().cloned())
            .collect();
        let folder = absolute(Path::new("."));
        let options = Options {
            logs: output,
            folder: &folder,
            max_parallel: self.max_parallel.map(NonZeroUsize::get),
            sbatch: &options,
        };
        let mut batches = Vec::new();
        for (number, array) in arrays.into_iter().enumerate() {
            let commands: String =
                array.lines.iter().map(|line| format!("{}\n", lines[*line].command)).collect();
            let name = format!("{number}-{}", &digest(&commands)[..8]);
            let (list, script) = (output.join(format!("{name}.txt")), output.join(format!("{name}.sh")));
            let text = slurm::script(&array, &list, &options);
            for (path, text) in [(&list, &commands), (&script, &text)] {
                write_atomically(path, |file| file.write_all(text.as_bytes()))?;
            }
            batches.push(Batch { script, after: array.after, tasks: array.lines.len() });
        }
        Ok(batches)
    }
}
