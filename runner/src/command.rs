//! What is done for each command. Results go to standard output, all else to standard error.

mod analyse;
pub mod basin;
mod checkpoint;
pub mod criticality;
pub mod curves;
pub mod distance;
pub mod doctor;
pub mod gc;
pub mod interpolate;
pub mod mistakes;
mod prepare;
pub mod rewind;
pub mod similarity;
pub mod slurm;
pub mod spectrum;
pub mod status;
pub mod sweep;
mod train;

use std::io::Write as _;

use anyhow::Result;
use basin_core::config::{self, apply_overrides};
use basin_core::device::guarded;
use basin_core::event::Event;
use basin_core::job::Job;
use basin_core::study::{self, Options, Study};
use basin_core::train::check;
use basin_core::train::launch::Outcome;

use crate::args::{Arguments, Command, Device};
use crate::progress::{Progress, say};
use crate::signals;

/// Runs the command that was typed.
pub fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        None => train::run(arguments.train),
        Some(Command::Configs { regex, families }) => {
            print(&config::list(&families.registry()?, regex.as_deref())?)
        }
        Some(Command::Show { key, settings }) => {
            let experiment = apply_overrides(settings.families.registry()?.get(&key)?, &settings.set)?;
            check(&experiment)?;
            print(&format!("{}\n", config::show(&experiment)?))
        }
        Some(Command::Eval { checkpoint, images, data }) => {
            analyse::eval(&checkpoint, images.selection(), &data)
        }
        Some(Command::Interpolate(command)) => command.run(),
        Some(Command::Basin(command)) => command.run(),
        Some(Command::Mistakes(command)) => command.run(),
        Some(Command::Rewind(command)) => command.run(),
        Some(Command::Criticality(command)) => command.run(),
        Some(Command::Similarity(command)) => command.run(),
        Some(Command::Curves(command)) => command.run(),
        Some(Command::Shuffles(command)) => command.run(),
        Some(Command::Pretraining(command)) => command.run(),
        Some(Command::Distance(command)) => command.run(),
        Some(Command::Spectrum(command)) => command.run(),
        Some(Command::Sweep(command)) => command.run(),
        Some(Command::Status(command)) => command.run(),
        Some(Command::Slurm(command)) => command.run(),
        Some(Command::Doctor(command)) => command.run(),
        Some(Command::Gc(command)) => command.run(),
        Some(Command::Checkpoint(command)) => checkpoint::run(&command),
        Some(Command::Prepare(request)) => prepare::run(request),
        Some(Command::Study { name, base_dir, seed, dry_run, settings, device }) => {
            let (study, registry) = (Study::open(&name)?, settings.families.registry()?);
            let options = Options { base: &base_dir, seed, set: &settings.set };
            if dry_run {
                return print(&study::plan(&study, &options, &registry)?);
            }
            let finished = training(&device, |job| study::run(&study, &options, &registry, job))?;
            let report = finished.report.display();
            match finished.outcome {
                Outcome::AlreadyDone => say("the study is done already; its report is"),
                Outcome::Trained => say("the study is done; its report is"),
            }
            print(&format!("{report}\n"))
        }
    }
}

/// Does long work on one device.
fn working<T>(device: &Device, work: impl FnOnce(&Job) -> basin_core::error::Result<T>) -> Result<T> {
    device.choices.only()?;
    training(device, work)
}

/// Does long work on all devices that were named: with a progress display, and stopped by signals.
fn training<T>(device: &Device, work: impl FnOnce(&Job) -> basin_core::error::Result<T>) -> Result<T> {
    let (progress, stop) = (Progress::new(), signals::listen()?);
    let emit = |event: Event| progress.show(event);
    let result = guarded(|| {
        let mut devices = device.choices.open()?;
        let others = devices.split_off(1);
        work(&Job { device: devices.remove(0), others: &others, emit: &emit, stop: &stop })
    });
    progress.finish();
    Ok(result?)
}

/// Prints a result.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
