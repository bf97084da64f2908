//! `runner`: trains networks, and shows what was transferred, from the command line.

mod allocator;
mod args;
mod command;
mod order;
mod progress;
mod signals;

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::process::ExitCode;

use basin_core::error::{Error, Remedy};
use basin_core::file::in_home;
use clap::Parser as _;

fn main() -> ExitCode {
    allocator::keep_freed_memory();
    order_gpus_without_a_display();
    let typed = std::env::args_os().map(|argument| home_expanded(&argument)).collect();
    let arguments = command::Arguments::parse_from(order::behind_the_command(typed));
    match command::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        // A reader such as `head` that has seen enough is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let remedy = error.downcast_ref::<Error>().and_then(Error::remedy).map(in_words);
            // The library's errors have their reasons in them, those of others behind them.
            let said = error.downcast_ref::<Error>().map_or_else(|| format!("{error:#}"), Error::to_string);
            progress::say(&format!("error: {said}{}", remedy.unwrap_or_default()));
            let refused = error.downcast_ref::<command::Refused>().map(|refused| refused.code);
            let code = refused.or_else(|| error.downcast_ref::<Error>().map(Error::exit_code));
            ExitCode::from(code.unwrap_or(1))
        }
    }
}

/// What the user can do, as the end of a sentence.
fn in_words(remedy: &Remedy) -> String {
    match remedy {
        Remedy::NameBaseFolder => "; name that of the runs with -b".to_owned(),
        Remedy::AdoptOrLeave => {
            "; go on with it by --adopt, start over by --force, which keeps the folder aside, or name \
                                 another folder with -w"
                .to_owned()
        }
        Remedy::StartOverOrLeave => {
            "; start over by --force, which keeps the folder aside, or name another folder with -w".to_owned()
        }
        Remedy::NamePart => {
            "; copy one into a file of its own with `runner checkpoint convert FILE NEW --part NAME`, or fine-tune from it with --set \
                                 train.finetune_part=NAME"
                .to_owned()
        }
        Remedy::ChooseDevice(names) => format!(", or use --device {names}"),
        Remedy::LookAtDevice => {
            "; `runner doctor` looks at it, and the same command goes on from what was saved, elsewhere \
                                 with --device"
                .to_owned()
        }
    }
}

/// An argument whose path begins with `~`, which a shell leaves alone in `--base-dir=~/runs` and `--set data.configs.data_dir=~/data`.
fn home_expanded(argument: &OsStr) -> OsString {
    let bytes = argument.as_encoded_bytes();
    let before = bytes.windows(3).rposition(|window| window == b"=~/").map_or(0, |at| at + 1);
    let Some((name, path)) = argument.to_str().and_then(|argument| argument.split_at_checked(before)) else {
        return in_home(argument);
    };
    let mut expanded = OsString::from(name);
    expanded.push(in_home(OsStr::new(path)));
    expanded
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
