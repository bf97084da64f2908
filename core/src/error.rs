//! The one error type: a sentence for the user and the kind that decides the exit code.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::text::printable;

/// The result of anything that can fail for a reason outside the program.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something stopped. Each message is one sentence that names the thing and, unless it has a [`Remedy`], what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong: an unknown key, path, value or option.
    #[error("{0}")]
    Usage(String),
    /// A data file or checkpoint is missing, broken, or does not fit.
    #[error("{0}")]
    Data(String),
    /// Something failed while running.
    #[error("{0}")]
    Run(String),
    /// A device has not enough memory.
    #[error("{0}")]
    Memory(String),
    /// A loss or a parameter is not finite.
    #[error("{0}")]
    Diverged(String),
    /// The operating system refused an operation on a file.
    #[error("cannot {action} {}: {source}{}", path.display(), remedy(source))]
    Io {
        /// What was tried, as a verb: "read", "write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A signal asked the program to stop.
    #[error("interrupted by signal {signal}; run the same command again to go on")]
    Interrupted {
        /// The signal's number: 2 for SIGINT, 15 for SIGTERM, 10 for SIGUSR1 on Linux.
        signal: usize,
    },
    /// Another error, with something to do about it that each program has its own words for.
    #[error("{error}")]
    Remediable {
        /// What happened.
        error: Box<Error>,
        /// What the user can do.
        remedy: Remedy,
    },
}

/// What a user can do about an error, where that is a flag in one program and a button in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Name another folder of runs.
    NameBaseFolder,
    /// Compute on one of these devices.
    ChooseDevice(String),
    /// Go on with a run that the reference began, start over, or work in another folder.
    AdoptOrLeave,
    /// Start over, or work in another folder.
    StartOverOrLeave,
    /// Name the part of a checkpoint that holds the weights.
    NamePart,
    /// Look at a device that failed, and go on from what was saved, there or on another device.
    LookAtDevice,
}

impl Error {
    /// A [`Error::Usage`] from anything printable.
    pub fn usage(message: impl Display) -> Self {
        Self::Usage(sentence(message))
    }

    /// A [`Error::Data`] from anything printable.
    pub fn data(message: impl Display) -> Self {
        Self::Data(sentence(message))
    }

    /// A [`Error::Run`] from anything printable.
    pub fn run(message: impl Display) -> Self {
        Self::Run(sentence(message))
    }

    /// For `map_err`: an [`Error::Io`] that names the action and the path.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// The same error of data, with the thing that it is about before it.
    #[must_use]
    pub fn about(self, thing: impl Display) -> Self {
        match self {
            Self::Data(message) => Self::Data(format!("{thing}: {message}")),
            error => error,
        }
    }

    /// The same error, with what the user can do about it.
    #[must_use]
    pub fn with(self, remedy: Remedy) -> Self {
        Self::Remediable { error: Box::new(self), remedy }
    }

    /// What the user can do, where the message does not say it.
    pub fn remedy(&self) -> Option<&Remedy> {
        match self {
            Self::Remediable { remedy, .. } => Some(remedy),
            _ => None,
        }
    }

    /// The exit code a program ends with: 1 run-time failure, 2 usage, 3 data or checkpoint, 4 not finite, 128 + signal.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Run(_) | Self::Memory(_) => 1,
            Self::Usage(_) => 2,
            Self::Data(_) => 3,
            Self::Diverged(_) => 4,
            Self::Io { action, .. } => {
                if *action == "read" {
                    3
                } else {
                    1
                }
            }
            Self::Interrupted { signal } => 128 + *signal as u8,
            Self::Remediable { error, .. } => error.exit_code(),
        }
    }
}

/// A message on one line of bearable length, whatever names and reasons of others are in it.
fn sentence(message: impl Display) -> String {
    const LONGEST: usize = 1500;
    let message = message.to_string();
    let line = match message.contains(['\n', '\r']) {
        true => message.split_whitespace().collect::<Vec<_>>().join(" "),
        false => message,
    };
    let line = printable(&line);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.into_owned(),
    }
}

/// What the user can do about a system error, as a clause to append.
fn remedy(source: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match source.kind() {
        ErrorKind::NotFound => "; check the path",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder that you may write to"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; free some space and run the same command again"
        }
        _ => "",
    }
}
