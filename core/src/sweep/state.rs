//! How far a run is, from its folder.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;

use super::log;
use crate::train::launch::TrainRequest;

/// Bytes at the end of a log that its last line is looked for in.
const TAIL: u64 = 16 << 10;

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It is trained to its end.
    Done,
    /// A process works on it.
    Running,
    /// It was stopped, and can go on.
    Stopped,
    /// It ended in an error.
    Failed(String),
    /// Its folder holds a run with other settings, or broken files.
    Refused(String),
    /// It has not begun.
    Missing,
}

impl RunState {
    /// The state of a run that is wanted.
    pub fn of(request: &TrainRequest) -> Self {
        let run = request.run_dir();
        if run.is_locked() {
            return Self::Running;
        }
        match request.is_done() {
            Ok(true) => Self::Done,
            Err(error) => Self::Refused(error.to_string()),
            Ok(false) => match failure(request) {
                Some(why) => Self::Failed(why),
                None if run.resume().is_file() => Self::Stopped,
                None => Self::Missing,
            },
        }
    }

    /// In one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Failed(_) => "failed",
            Self::Refused(_) => "refused",
            Self::Missing => "missing",
        }
    }

    /// The error that is in the way, if any.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Failed(why) | Self::Refused(why) => Some(why),
            _ => None,
        }
    }
}

/// The error that the run ended in last time: the last line of its own log, or of what a sweep kept, whichever is newer.
fn failure(request: &TrainRequest) -> Option<String> {
    let logs = [request.run_dir().log(), log(request)];
    let (_, line) = logs.iter().filter_map(|path| last_line(path)).max_by_key(|(changed, _)| *changed)?;
    let error = line.strip_prefix("error: ")?;
    (!error.starts_with("interrupted by signal")).then(|| error.to_owned())
}

/// When a file was written last, and its last line.
fn last_line(path: &Path) -> Option<(SystemTime, String)> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    Some((file.metadata().ok()?.modified().ok()?, text.trim_end().lines().next_back()?.to_owned()))
}
