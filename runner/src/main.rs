//! `runner`: trains networks, and shows what was transferred, from the command line.

mod allocator;
mod args;
mod command;
mod progress;
mod signals;

use std::io::ErrorKind;
use std::process::ExitCode;

use basin_core::error::Error;
use clap::Parser as _;

fn main() -> ExitCode {
    allocator::keep_freed_memory();
    order_gpus_without_a_display();
    let arguments = command::Arguments::parse();
    match command::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        // A reader such as `head` that has seen enough is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            progress::say(&format!("error: {error:#}"));
            let refused = error.downcast_ref::<command::Refused>().map(|refused| refused.code);
            let code = refused.or_else(|| error.downcast_ref::<Error>().map(Error::exit_code));
            ExitCode::from(code.unwrap_or(1))
        }
    }
}

/// Mesa's layer that puts the display's GPU first asks the display server, and complains where there is none. This program orders
/// GPUs by itself.
fn order_gpus_without_a_display() {
    const SWITCH: &str = "NODEVICE_SELECT";
    if std::env::var_os(SWITCH).is_none() {
        // SAFETY: no other thread runs yet that could read the environment.
        unsafe { std::env::set_var(SWITCH, "1") }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
