//! The batch script of a job array.

use std::path::Path;

use super::Array;
use crate::shell::quoted;

/// What all arrays of a sweep share.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Folder of the logs.
    pub logs: &'a Path,
    /// Folder that the commands are run in.
    pub folder: &'a Path,
    /// Tasks of an array that may run at once.
    pub max_parallel: Option<usize>,
    /// Further options of `sbatch`, which win over those before.
    pub sbatch: &'a [String],
}

/// The exit code of a run that was stopped by SIGUSR1 and has saved.
const SAVED: usize = 128 + 10;
/// Starts after which a run that is told to stop each time is left: its time limit may be too short to get anywhere.
const STARTS: usize = 100;

/// The script that `sbatch` is given; the commands are the lines of a file.
pub fn script(array: &Array, commands: &Path, options: &Options) -> String {
    let last = array.lines.len().saturating_sub(1);
    let parallel = options.max_parallel.map_or(String::new(), |parallel| format!("%{parallel}"));
    // In quotes as Slurm reads them.
    let path = |path: &str| format!("\"{}\"", path.replace('\\', r"\\").replace('"', r#"\""#));
    let folder = |path: &Path| path.display().to_string();
    let mut lines = vec![
        "job-name=basin".to_owned(),
        format!("array=0-{last}{parallel}"),
        format!("chdir={}", path(&folder(options.folder))),
        // A percent sign stands for itself where it is doubled.
        format!("output={}", path(&(folder(options.logs).replace('%', "%%") + "/%A_%a.log"))),
        "open-mode=append".to_owned(),
        // The time that a run has to save before its time limit.
        "signal=USR1@120".to_owned(),
        "requeue".to_owned(),
        // What waits for a task that failed goes away.
        "kill-on-invalid-dep=yes".to_owned(),
        format!("cpus-per-task={}", array.resources.cpus),
    ];
    if array.resources.gpus > 0 {
        lines.push(format!("gres=gpu:{}", array.resources.gpus));
    }
    let mut lines: Vec<String> = lines.iter().map(|line| format!("#SBATCH --{line}\n")).collect();
    lines.extend(options.sbatch.iter().map(|option| format!("#SBATCH {}\n", one_word(option))));
    format!(
        r#"#!/bin/bash
{lines}
# Task N of the array is line N + 1.
command=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {commands})
echo "$command"
# A step of its own gets Slurm's signals, which this script does not.
export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
srun bash -c "exec $command"
code=$?
# Stopped before the time limit, and saved. Slurm requeues what it preempts, but not what runs out of time.
if [ $code -eq {SAVED} ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {STARTS} ]; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
fi
exit $code
"#,
        lines = lines.concat(),
        commands = quoted(&commands.display().to_string()),
    )
}

/// An option whose value has spaces, with the value in quotes as Slurm reads them; several options, or one in quotes, as they are.
fn one_word(option: &str) -> String {
    match option.split_once('=') {
        Some((name, value))
            if name.starts_with("--")
                && !name.contains(char::is_whitespace)
                && value.contains(char::is_whitespace)
                && !value.contains(['"', '\'', '\\'])
                && !value.split_whitespace().any(|word| word.starts_with('-')) =>
        {
            format!("{name}=\"{value}\"")
        }
        _ => option.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::Resources;

    #[test]
    fn a_script_says_all_that_slurm_must_know_and_the_users_options_come_last() {
        let array = Array { lines: vec![4, 2, 9], resources: Resources { gpus: 2, cpus: 8 }, after: None };
        let sbatch = ["--gres=gpu:a100:2", "--comment=a b", "--qos=long --account=lab", "--comment='c d'"]
            .map(str::to_owned);
        let options = Options {
            logs: Path::new("/runs/100%j/slurm"),
            folder: Path::new("/home/my \"own\" name"),
            max_parallel: Some(5),
            sbatch: &sbatch,
        };
        let text = script(&array, Path::new("/runs/my slurm/0.txt"), &options);
        for line in [
            "#SBATCH --array=0-2%5",
            r#"#SBATCH --chdir="/home/my \"own\" name""#,
            "#SBATCH --output=\"/runs/100%%j/slurm/%A_%a.log\"",
            "#SBATCH --open-mode=append",
            "#SBATCH --signal=USR1@120",
            "#SBATCH --requeue",
            "#SBATCH --cpus-per-task=8",
            "#SBATCH --gres=gpu:2\n#SBATCH --gres=gpu:a100:2\n#SBATCH --comment=\"a b\"\n",
            "#SBATCH --qos=long --account=lab\n#SBATCH --comment='c d'\n\n",
            "if [ $code -eq 138 ] && [ \"${SLURM_RESTART_COUNT:-0}\" -lt 100 ]",
            "'/runs/my slurm/0.txt')",
        ] {
            assert!(text.contains(line), "no {line} in {text}");
        }
    }
}
