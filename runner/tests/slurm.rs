//! Job arrays for Slurm, whose commands are played by scripts.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::*;

/// A folder with these programs, first on the path.
fn programs(folder: &Path, scripts: &[(&str, &str)]) -> String {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for (name, script) in scripts {
        let path = bin.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    format!("{}:/usr/bin:/bin", bin.display())
}

/// A controller that allows arrays of two, and an `sbatch` that greets, counts from 71 and notes what it is given.
const CLUSTER: [(&str, &str); 2] = [
    ("scontrol", r#"echo "MaxArraySize            = 2""#),
    (
        "sbatch",
        r#"echo "$@" >> asked; echo "Welcome"; echo; echo "--> Checking allocation...OK"; echo "$((70 + $(wc -l < asked)));cluster""#,
    ),
];

fn slurm(folder: &Path, path: &str, arguments: &[&str]) -> Command {
    let mut command = tiny(folder, &["slurm"]);
    command.args(arguments).env("PATH", path);
    command
}

/// The scripts or lists of a folder, by number.
fn written(folder: &Path, ending: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder.join("experiments/slurm")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == ending));
    files.sort();
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn arrays_are_cut_at_the_clusters_limit_and_wait_for_the_task_that_they_need() {
    let here = folder();
    let path = here.path();
    tiny_families(path);
    let bin = programs(path, &CLUSTER);
    let arguments =
        ["tiny/(tuned|first|late)", "--replicate", "0,1", "--set", "train.data_workers=3", "--submit"];
    let more = ["--max-parallel", "4", "--time", "0:30:00", "--sbatch", "--account=vision"];
    let jobs = success(slurm(path, &bin, &[&arguments[..], &more].concat()));
    assert_eq!(jobs, "71\n72\n73\n74\n");
    // first and late, twice each; then what was tuned, all of which starts from replicate 0.
    let lists = written(path, "txt");
    let keys = |list: &String| {
        let word = |line: &str, after: &str| {
            let mut words = line.split_whitespace();
            words.find(|word| *word == after).and_then(|_| words.next()).unwrap().to_owned()
        };
        list.lines()
            .map(|line| format!("{} {}", word(line, "-k"), word(line, "--replicate")))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&lists[0]), ["tiny/first 0", "tiny/late 0"]);
    assert_eq!(keys(&lists[1]), ["tiny/first 1", "tiny/late 1"]);
    assert_eq!(keys(&lists[2]), ["tiny/tuned/clipart 0", "tiny/tuned/line 0"]);
    assert_eq!(keys(&lists[3]), ["tiny/tuned/clipart 1", "tiny/tuned/line 1"]);
    assert!(lists[0].contains("--device cpu --configs configs --set train.data_workers=3\n"), "{}", lists[0]);
    let asked = std::fs::read_to_string(path.join("asked")).unwrap();
    let asked: Vec<&str> = asked.lines().collect();
    assert!(asked[0].starts_with("--parsable /") && asked[1].starts_with("--parsable /"), "{asked:?}");
    assert!(
        asked[2..].iter().all(|line| line.starts_with("--parsable --dependency=afterok:71_0 /")),
        "{asked:?}"
    );
    let script = &written(path, "sh")[0];
    for line in ["--array=0-1%4", "--cpus-per-task=3", "--time=0:30:00\n#SBATCH --account=vision"] {
        assert!(script.contains(line), "no {line} in {script}");
    }
    assert!(!script.contains("gres"), "{script}");
}

#[test]
fn without_submit_a_shell_is_told_and_gpus_come_from_the_keys() {
    let here = folder();
    let path = here.path();
    tiny_families(path);
    let bin = path.join("no-slurm-here").display().to_string();
    let commands = success(slurm(path, &bin, &["^gpu/"]));
    let lines: Vec<&str> = commands.lines().filter(|line| line.starts_with("job")).collect();
    assert!(lines.len() == 4 && lines[0].starts_with("job0=$(submit /"), "{commands}");
    let after: Vec<&str> = lines.iter().copied().filter(|line| line.contains("afterok:${job0}_0 ")).collect();
    assert_eq!(after.len(), 2, "{commands}");
    let (scripts, lists) = (written(path, "sh"), written(path, "txt"));
    for (script, list) in scripts.iter().zip(&lists) {
        let two = list.contains("gpu/2/");
        assert!(script.contains(if two { "gres=gpu:2" } else { "gres=gpu:1" }), "{script}");
        assert!(list.contains(if two { "--device cuda:0,cuda:1" } else { "--device cuda:0 " }), "{list}");
    }
    failure(slurm(path, &bin, &["^gpu/", "--submit"]), 1, &["no sbatch", "--submit"]);
    failure(slurm(path, &bin, &["tiny/tuned"]), 2, &["tiny/tuned/clipart needs tiny/first", "add it"]);
}

#[test]
fn the_printed_lines_find_the_id_whatever_a_site_says_and_stop_where_a_job_is_refused() {
    let here = folder();
    let path = here.path();
    tiny_families(path);
    let commands = success(slurm(path, &path.join("no-slurm-here").display().to_string(), &["^gpu/"]));
    let run = |sbatch: &str| {
        let sbatch = format!("echo \"$@\" >> asked; {sbatch}");
        let bin = programs(path, &[("sbatch", &sbatch), ("scontrol", "exit 1")]);
        let _ = std::fs::remove_file(path.join("asked"));
        let path_variable = format!("{bin}:{}", std::env::var("PATH").unwrap());
        let mut shell = std::process::Command::new("sh");
        let output = shell.current_dir(path).env("PATH", path_variable).args(["-c", &commands]).output();
        let asked = std::fs::read_to_string(path.join("asked")).unwrap();
        (output.unwrap().status.success(), asked)
    };
    for said in [
        "echo 71",
        "echo hello; echo 71",
        "echo '71;cluster'; echo",
        "printf '71\\r\\n'",
        "echo 71; echo bye",
    ] {
        let (is_done, asked) = run(said);
        assert!(is_done && asked.lines().count() == 4, "{said}: {asked}");
        assert_eq!(asked.matches("--dependency=afterok:71_0 ").count(), 2, "{said}: {asked}");
    }
    for said in ["echo 71; exit 1", "echo queued"] {
        let (is_done, asked) = run(said);
        assert!(!is_done && asked.lines().count() == 1, "{said}: {asked}");
    }
}

#[test]
fn an_sbatch_that_refuses_is_quoted_and_what_was_submitted_is_named() {
    let here = folder();
    let path = here.path();
    tiny_families(path);
    let refuses = r#"echo x >> asked; [ $(wc -l < asked) = 1 ] && echo 501 && exit
        echo "sbatch: error: Batch job submission failed: Invalid account" >&2; exit 7"#;
    let bin = programs(path, &[("sbatch", refuses), ("scontrol", "exit 1")]);
    let submit = slurm(path, &bin, &["tiny/(first|tuned)", "--submit"]);
    failure(submit, 7, &["Invalid account", "submitted before it: 501", "scancel 501", "1-"]);
    let mute = programs(&path.join("mute"), &[("sbatch", "echo queued"), ("scontrol", "exit 1")]);
    failure(slurm(path, &mute, &["tiny/first", "--submit"]), 1, &["no job ID", "queued", "squeue"]);
    success(tiny(path, &["sweep", "tiny/first"]));
    std::fs::remove_file(path.join("asked")).unwrap();
    // What is done is not submitted, and what needs it waits for nothing.
    let jobs = success(slurm(path, &bin, &["tiny/(first|tuned)", "--submit"]));
    assert_eq!(jobs, "501\n");
    success(tiny(path, &["sweep", "tiny/tuned"]));
    let output = slurm(path, &bin, &["tiny/(first|tuned)", "--submit"]).output().unwrap();
    assert!(output.status.success() && stderr(&output).contains("nothing to submit"), "{}", stderr(&output));
}

#[test]
fn the_script_runs_its_line_and_requeues_what_was_stopped_in_time() {
    let here = folder();
    let path = here.path();
    tiny_families(path);
    let bin =
        programs(path, &[("srun", r#"echo "$@" > ran; exit $CODE"#), ("scontrol", r#"echo "$@" >> asked"#)]);
    success(slurm(path, &bin, &["tiny/(late|first)"]));
    let script =
        std::fs::read_dir(path.join("experiments/slurm")).unwrap().map(|entry| entry.unwrap().path());
    let script = script.into_iter().find(|path| path.extension().is_some_and(|found| found == "sh")).unwrap();
    std::fs::remove_file(path.join("asked")).unwrap();
    for (code, restarts) in [("0", "0"), ("4", "0"), ("138", "100"), ("138", "99")] {
        let mut command = Command::new("bash");
        command.arg(&script).current_dir(path).env("PATH", &bin).env("CODE", code);
        command
            .env("SLURM_ARRAY_TASK_ID", "1")
            .env("SLURM_ARRAY_JOB_ID", "70")
            .env("SLURM_CPUS_PER_TASK", "1");
        command.env("SLURM_RESTART_COUNT", restarts).stdout(std::process::Stdio::null());
        assert_eq!(command.status().unwrap().code().map(|code| code.to_string()).as_deref(), Some(code));
        assert_eq!(path.join("asked").exists(), restarts == "99");
    }
    assert!(std::fs::read_to_string(path.join("ran")).unwrap().contains("-k tiny/late "));
    assert_eq!(std::fs::read_to_string(path.join("asked")).unwrap(), "requeue 70_1\n");
}
