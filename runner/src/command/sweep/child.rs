//! The process of one run.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::thread::{self, JoinHandle, available_parallelism};

use basin_core::device::Choice;
use basin_core::error::Error;
use basin_core::file::open_to_append;
use basin_core::run::RunDir;
use basin_core::sweep::{Ending, Task};

use crate::args::{Processor, Runs};
use crate::progress::say;
use crate::signals::ASKS;

/// Threads of the CPU's kernels in a process.
const THREADS: &str = "RAYON_NUM_THREADS";

/// A running process.
pub struct Child {
    /// Which task it works on.
    pub task: usize,
    process: process::Child,
    run: RunDir,
    /// Keeps what it says, and returns the last line.
    said: Option<JoinHandle<String>>,
}

impl Child {
    /// Starts this program on one run, one of `jobs` at once. What it says goes to the run's log of the sweep.
    ///
    /// # Errors
    /// How the task ended if it did not start.
    pub fn start(
        index: usize,
        task: &Task,
        runs: &Runs,
        device: Choice,
        processor: &Processor,
        jobs: usize,
    ) -> Result<Self, Ending> {
        let run = task.request.run_dir();
        // A run that is wanted twice, or that another sweep has begun, is not started a second time.
        if run.is_locked() {
            return Err(Ending::Elsewhere);
        }
        let started = || -> Result<Self, Error> {
            let log = task.log();
            let file = open(&log)?;
            let program = std::env::current_exe().map_err(Error::io("find", Path::new("this program")))?;
            let mut command = Command::new(&program);
            command.args(runs.arguments(task, &device.to_string(), processor));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            // The terminal tells a group of processes; this one is told by the sweep alone.
            command.process_group(0);
            if device == Choice::Cpu && jobs > 1 && std::env::var_os(THREADS).is_none() {
                let threads = available_parallelism().map_or(1, |all| (all.get() / jobs).max(1));
                command.env(THREADS, threads.to_string());
            }
            let mut process = command.spawn().map_err(Error::io("start", &program))?;
            say(&format!("{} started on {}; what it says is in {}", task.name(), device, log.display()));
            let said = process.stderr.take().map(|stderr| thread::spawn(move || keep(stderr, file)));
            Ok(Self { task: index, process, run, said })
        };
        started().map_err(|error| Ending::Failed { code: error.exit_code().into(), why: error.to_string() })
    }

    /// How it ended, if it did; `told` is the signal that it was sent, 0 for none.
    pub fn ending(&mut self, told: i32) -> Option<Ending> {
        let status = match self.process.try_wait() {
            Ok(status) => status?,
            Err(error) => return Some(Ending::Failed { code: 1, why: error.to_string() }),
        };
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        Some(match code {
            0 => Ending::Done,
            // A run that was asked leaves with 128 and the signal's number.
            _ if told != 0 && ASKS.contains(&(code - 128)) => Ending::Stopped { code },
            _ if self.run.is_locked() => Ending::Elsewhere,
            _ => Ending::Failed { code, why: said.strip_prefix("error: ").unwrap_or(&said).to_owned() },
        })
    }

    /// Sends it a signal.
    pub fn tell(&self, signal: i32) {
        // SAFETY: a call without pointers. The process was not waited for yet, so its number is still its own.
        unsafe { libc::kill(self.process.id() as libc::pid_t, signal) };
    }
}

fn open(log: &Path) -> Result<File, Error> {
    let folder = log.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    open_to_append(log)
}

/// Copies lines to a log, and returns the last one. A log that cannot be written must not end a run that can.
fn keep(from: impl Read, mut log: File) -> String {
    let (mut from, mut line, mut last) = (BufReader::new(from), Vec::new(), String::new());
    while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        log.write_all(&line).ok();
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            last = text.trim_end().to_owned();
        }
        line.clear();
    }
    last
}
