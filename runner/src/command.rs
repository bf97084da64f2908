//! What can be typed: every command in a file of its own, which says its arguments and does it. Results go to standard output, all
//! else to standard error.

pub mod analysis;
mod checkpoint;
mod configs;
mod doctor;
mod eval;
mod features;
mod gc;
mod models;
mod prepare;
mod show;
mod slurm;
mod status;
mod study;
mod sweep;
mod train;

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use basin_core::device::guarded;
use basin_core::error::Error;
use basin_core::event::Event;
use basin_core::job::Job;
use basin_core::text::printable_lines;
use clap::{Parser, Subcommand};

use crate::args::Device;
use crate::progress::Progress;
use crate::signals;

pub use slurm::Refused;

/// Trains image classifiers from scratch and from pre-trained weights (fine-tuning), and measures what was transferred.
///
/// A checkpoint is named by its path, by a URL: s3://, gs://, https:// or http://, or by its place on the Hugging Face hub:
/// hf://owner/name[@revision][/file], or timm:name. A file from a URL is kept in BASIN_CACHE, or else in the user's cache folder, and
/// fetched again when it has changed; one of the hub is kept where Python's huggingface_hub keeps it (HF_HUB_CACHE). Safetensors files and those of torch.save are recognised by
/// their content, whatever their names are.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub train: train::Train,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists the keys, all or those in which a regular expression is found.
    Configs(configs::Configs),
    /// Lists the architectures that model.arch takes: Fixup ResNets, ResNets, vision transformers (ViT, DeiT, DINOv2, DINOv3, CLIP, SigLIP),
    /// ConvNeXt, DenseNets.
    Models(models::Models),
    /// Shows all settings of a key.
    Show(show::Show),
    /// Measures accuracy and loss of a checkpoint on the test images, and stores its predictions.
    Eval(eval::Eval),
    /// Writes features of modules with the labels and ids of their images, for NumPy (.npz) or as safetensors.
    Features(features::Features),
    /// An analysis of trained networks.
    #[command(flatten)]
    Analyse(analysis::Analyse),
    /// Trains many keys, each in a process of its own. Run again, it trains the missing ones.
    Sweep(sweep::Sweep),
    /// Shows the progress of many runs: done, running, stopped, failed or missing.
    Status(status::Status),
    /// Writes Slurm job arrays for many keys, and submits them; preempted runs are requeued and resume.
    Slurm(slurm::Slurm),
    /// Removes checkpoints that the settings of their runs would not keep.
    ///
    /// The first epoch, the best and the last stay, those of train.keep_every and train.keep, and those that another key or
    /// run starts from. Runs that are being trained and folders that the reference wrote are left alone. Results that are stored
    /// stay valid, but removed checkpoints cannot be analysed again.
    Gc(gc::Gc),
    /// Lists the devices of this machine (GPUs, CPU), and compares each shape of an architecture on one of them with the CPU.
    Doctor(doctor::Doctor),
    /// Inspects, compares and converts checkpoints (state dicts of PyTorch, safetensors).
    #[command(subcommand)]
    Checkpoint(checkpoint::Checkpoints),
    /// Downloads, unpacks or shrinks a data set, or verifies its images; a stopped command continues when run again.
    #[command(subcommand)]
    Prepare(prepare::Prepare),
    /// Trains all runs of a study, analyses their networks, and writes one HTML report.
    Study(study::Study),
}

/// Runs the command that was typed.
pub fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        None => arguments.train.run(),
        Some(Command::Configs(command)) => command.run(),
        Some(Command::Models(command)) => command.run(),
        Some(Command::Show(command)) => command.run(),
        Some(Command::Eval(command)) => command.run(),
        Some(Command::Features(command)) => command.run(),
        Some(Command::Analyse(command)) => command.run(),
        Some(Command::Sweep(command)) => command.run(),
        Some(Command::Status(command)) => command.run(),
        Some(Command::Slurm(command)) => command.run(),
        Some(Command::Gc(command)) => command.run(),
        Some(Command::Doctor(command)) => command.run(),
        Some(Command::Checkpoint(command)) => command.run(),
        Some(Command::Prepare(command)) => command.run(),
        Some(Command::Study(command)) => command.run(),
    }
}

/// Does long work on one device.
fn working<T>(device: &Device, work: impl FnOnce(&Job) -> basin_core::error::Result<T>) -> Result<T> {
    device.choices.only()?;
    training(device, work)
}

/// Does long work on all devices that were named: with a progress display, and stopped by signals.
fn training<T>(device: &Device, work: impl FnOnce(&Job) -> basin_core::error::Result<T>) -> Result<T> {
    let (progress, listening) = (Progress::new(), signals::listen()?);
    let emit = |event: Event| progress.show(event);
    let result = guarded(|| {
        device.processor.instructions.0.choose()?;
        let mut devices = device.choices.open()?;
        let others = devices.split_off(1);
        work(&Job { device: devices.remove(0), others: &others, emit: &emit, stop: &listening.stop })
    });
    progress.finish();
    Ok(result?)
}

/// # Errors
/// [`Error::Usage`] for a new file that is there already and is not to be overwritten.
fn check_new(file: &Path, force: bool) -> Result<()> {
    if force || !file.exists() {
        return Ok(());
    }
    let file = file.display();
    Err(Error::usage(format!("{file} is there already; choose another name, or add --force to overwrite it"))
        .into())
}

/// Prints a result.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(printable_lines(text).as_bytes())?;
    out.flush()?;
    Ok(())
}
