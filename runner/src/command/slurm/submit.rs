//! Slurm's own commands.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use basin_core::error::Error;
use basin_core::shell::quoted;
use basin_core::slurm::After;

use crate::command::print;
use crate::progress::say;

/// A script that can be submitted.
pub struct Batch {
    /// Its file.
    pub script: PathBuf,
    /// Which batch it waits for.
    pub after: Option<After>,
    /// How many tasks its array has.
    pub tasks: usize,
}

/// A program of Slurm's that refused what it was asked.
#[derive(Debug)]
pub struct Refused {
    /// Its exit code.
    pub code: u8,
    message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

/// The cluster's configuration; empty where Slurm is not installed or does not answer.
pub fn configuration() -> String {
    let output = Command::new("scontrol").args(["show", "config"]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// The commands that submit all batches, for a shell. None is submitted after one that was refused. The id is the last line of digits
/// that sbatch prints, after which the cluster's name may stand behind a semicolon.
pub fn commands(batches: &[Batch]) -> String {
    const SUBMIT: &str = r#"submit() {
    printed=$(sbatch --parsable "$@") || return
    printf '%s\n' "$printed" | sed -n 's/^\([0-9][0-9]*\)\(;.*\)\{0,1\}[[:space:]]*$/\1/p' | tail -n 1 | grep .
}
"#;
    let line = |(number, batch): (usize, &Batch)| {
        let after = batch.after.map(|after| after.dependency(|array| format!("${{job{array}}}")));
        let after = after.map_or(String::new(), |after| format!(" --dependency={after}"));
        format!("job{number}=$(submit{after} {})", quoted(&batch.script.display().to_string()))
    };
    let lines: Vec<String> = batches.iter().enumerate().map(line).collect();
    format!("{SUBMIT}{}\n", lines.join(" &&\n"))
}

/// The job's ID in what `sbatch --parsable` prints: the last line of digits, after which the cluster's name may stand behind a
/// semicolon. A site may greet in other lines.
fn job_id(printed: &str) -> Option<String> {
    printed.lines().rev().find_map(|line| {
        let id = line.split(';').next()?.trim();
        (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
    })
}

/// Submits all batches, and prints their job IDs.
pub fn all(batches: &[Batch]) -> Result<()> {
    let mut ids: Vec<String> = Vec::new();
    for batch in batches {
        let mut command = Command::new("sbatch");
        command.arg("--parsable");
        command.args(
            batch.after.map(|after| format!("--dependency={}", after.dependency(|array| ids[array].clone()))),
        );
        let output = command.arg(&batch.script).output();
        let output = output.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::run(
                "there is no sbatch here; run the same command where jobs are submitted, or without --submit to see what to type there",
            ),
            _ => Error::run(format!("sbatch cannot be run: {error}")),
        })?;
        if !output.status.success() {
            // Some sites say on the standard output why they refuse.
            let said = if output.stderr.trim_ascii().is_empty() { &output.stdout } else { &output.stderr };
            let words = String::from_utf8_lossy(said);
            let words =
                words.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
            let before = match ids.as_slice() {
                [] => "nothing was submitted before it".to_owned(),
                ids => format!(
                    "submitted before it: {} (`scancel {}` takes them back)",
                    ids.join(", "),
                    ids.join(" ")
                ),
            };
            let message = format!("sbatch refuses {}: {words}; {before}", batch.script.display());
            let code = output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            return Err(Refused { code, message }.into());
        }
        let printed = String::from_utf8_lossy(&output.stdout);
        let id = job_id(&printed).ok_or_else(|| {
            let last = printed.trim().lines().next_back().unwrap_or_default();
            let script = batch.script.display();
            Error::run(format!(
                "sbatch prints no job ID for {script} but \"{last}\"; look at squeue before submitting again"
            ))
        })?;
        say(&format!("job {id}: {} runs ({})", batch.tasks, batch.script.display()));
        ids.push(id);
    }
    print(&format!("{}\n", ids.join("\n")))
}
