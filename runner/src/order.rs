//! The order of typed arguments.

use std::ffi::OsString;

use clap::{Arg, CommandFactory as _};

use crate::command::Arguments;

/// The same arguments with the options before a command's name behind it, where the command looks for them.
pub fn behind_the_command(typed: Vec<OsString>) -> Vec<OsString> {
    if !typed.get(1).is_some_and(is_option) {
        return typed;
    }
    let mut command = Arguments::command();
    command.build();
    let takes_value = |option: &str| {
        let is_it = |known: &&Arg| match option.strip_prefix("--") {
            Some(long) => known.get_long() == Some(long),
            None => {
                known.get_short().is_some_and(|letter| option.strip_prefix('-') == Some(&letter.to_string()))
            }
        };
        command.get_arguments().find(is_it).is_some_and(|known| known.get_action().takes_values())
    };
    let mut at = 1;
    while let Some(option) = typed.get(at).filter(|argument| is_option(argument)) {
        at += 1 + usize::from(option.to_str().is_some_and(takes_value));
    }
    let (first, mut inside) = (at, &command);
    while let Some(next) = typed.get(at).and_then(|name| inside.find_subcommand(name)) {
        (at, inside) = (at + 1, next);
    }
    let mut ordered = typed;
    if let Some(moved) = ordered.get_mut(1..at) {
        moved.rotate_left(first - 1);
    }
    ordered
}

fn is_option(argument: &OsString) -> bool {
    argument.as_encoded_bytes().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_may_stand_before_a_command() {
        let ordered = |line: &str| {
            let typed = line.split(' ').map(OsString::from).collect();
            let words = behind_the_command(typed).into_iter().map(|word| word.into_string().unwrap());
            words.collect::<Vec<_>>().join(" ")
        };
        for (typed, expected) in [
            ("runner --configs own configs real", "runner configs --configs own real"),
            ("runner -b runs --set a=1 status", "runner status -b runs --set a=1"),
            (
                "runner --configs=own checkpoint inspect a.pth",
                "runner checkpoint inspect --configs=own a.pth",
            ),
            ("runner -k configs -b status", "runner -k configs -b status"),
            ("runner configs --configs own", "runner configs --configs own"),
            ("runner --version", "runner --version"),
            ("runner", "runner"),
        ] {
            assert_eq!(ordered(typed), expected);
        }
    }
}
