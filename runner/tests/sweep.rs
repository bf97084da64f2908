//! Many runs at once: what waits, what fails, what is left to do.

use std::path::Path;
use std::process::{Child, Stdio};

use crate::common::*;

/// Standard output and error of a command that ends with the code.
#[track_caller]
fn ends(folder: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let output = tiny(folder, arguments).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    (String::from_utf8(output.stdout).unwrap(), said)
}

/// The cells after the first in a table's line.
#[track_caller]
fn cells<'a>(table: &'a str, name: &str) -> Vec<&'a str> {
    let line = table.lines().find(|line| line.split("  ").next() == Some(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in {table}"));
    line.split("  ").skip(1).map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn a_fine_tune_waits_a_failure_stops_only_what_needs_it_and_the_next_sweep_does_what_is_missing() {
    let here = folder();
    let path = here.path();
    tiny_families(path);
    let keys = "tiny/(first|tuned|orphan|broken)";
    let (plan, _) = ends(path, &["sweep", keys, "--dry-run"], 0);
    assert_eq!(cells(&plan, "tiny/tuned/line"), ["0", "missing", "-/1", "-", "-", "waits for tiny/first"]);
    assert!(plan.contains("5 runs: 5 missing\nat most 1 at once on cpu"), "{plan}");
    assert!(!path.join("experiments").exists());

    let (table, said) = ends(path, &["sweep", keys, "--jobs", "2"], 1);
    assert_eq!(cells(&table, "tiny/first"), ["done", "0", "-"]);
    assert_eq!(cells(&table, "tiny/tuned/clipart"), ["done", "0", "-"]);
    assert_eq!(cells(&table, "tiny/orphan"), ["skipped", "-", "needs tiny/broken"]);
    let broken = cells(&table, "tiny/broken");
    assert!(broken[..2] == ["failed", "4"] && broken[2].starts_with("the loss is NaN"), "{table}");
    let place = |text: &str| said.find(text).unwrap_or_else(|| panic!("no {text} in {said}"));
    assert!(place("tiny/first started on cpu") < place("tiny/tuned/clipart started on cpu"), "{said}");
    assert!(said.contains("error: 2 of 5 runs are not done (1 failed, 1 skipped)"), "{said}");
    let log = std::fs::read_to_string(path.join("experiments/logs/tiny/first.log")).unwrap();
    assert!(log.contains("epoch 1/1"), "{log}");

    let (status, _) = ends(path, &["status", keys], 0);
    assert_eq!(cells(&status, "tiny/broken")[1..3], ["failed", "0/1"]);
    assert!(cells(&status, "tiny/broken")[5].starts_with("the loss is NaN"), "{status}");
    assert_eq!(cells(&status, "tiny/first")[1..3], ["done", "1/1"]);
    assert!(status.ends_with("5 runs: 3 done, 1 failed, 1 missing\n"), "{status}");

    // What is done stays as it is, and another instance starts from the same checkpoint.
    let resume = path.join("experiments/tiny/tuned/line/checkpoints/resume.safetensors");
    let changed = || std::fs::metadata(&resume).unwrap().modified().unwrap();
    let before = changed();
    let (table, said) = ends(path, &["sweep", "tiny/tuned/line", "--replicate", "0,1"], 0);
    assert_eq!(cells(&table, "tiny/tuned/line"), ["done before", "-", "-"]);
    assert_eq!(cells(&table, "tiny/tuned/line (replicate 1)"), ["done", "0", "-"]);
    assert!(changed() == before && !said.contains("tiny/tuned/line started"), "{said}");

    let (json, _) = ends(path, &["status", "tiny/(tuned/line|late)", "--json"], 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let run = |number: usize| &json["runs"][number];
    assert_eq!(
        (&run(0)["state"], &run(0)["epoch"], &run(0)["epochs"]),
        (&"done".into(), &1.into(), &1.into())
    );
    assert_eq!(run(0)["best"]["tag"], "eval/test_acc");
    assert_eq!((&run(1)["state"], &run(1)["epoch"]), (&"missing".into(), &serde_json::Value::Null));

    // Other settings than those that were trained are neither done nor to do.
    let other = ["--set", "optimizer.base_lr=0.02"];
    let (status, _) = ends(path, &[&["status", "tiny/first"][..], &other].concat(), 0);
    assert_eq!(cells(&status, "tiny/first")[1], "refused");
    let (table, _) = ends(path, &[&["sweep", "tiny/first"][..], &other].concat(), 1);
    assert_eq!(cells(&table, "tiny/first")[..2], ["failed", "2"]);
}

#[test]
fn what_is_not_among_the_keys_is_named_and_nothing_starts() {
    let here = folder();
    tiny_families(here.path());
    let (table, _) = ends(here.path(), &["sweep", "tiny/tuned"], 1);
    let why = "needs tiny/first, which is not among the keys; add it";
    assert_eq!(cells(&table, "tiny/tuned/clipart"), ["skipped", "-", why]);
    let (status, _) = ends(here.path(), &["status", "tiny/tuned"], 0);
    assert_eq!(cells(&status, "tiny/tuned/clipart")[5], why);
    assert!(!here.path().join("experiments").exists());
    failure(tiny(here.path(), &["sweep", "tinny"]), 2, &["no key matches tinny"]);
    failure(
        tiny(here.path(), &["status", "tiny", "--set", "train.epochs=0"]),
        2,
        &["tiny/", "train.epochs is 0"],
    );
}

#[test]
fn fail_fast_saves_what_runs_and_starts_nothing_more() {
    let here = folder();
    tiny_families(here.path());
    let (table, _) = ends(
        here.path(),
        &["sweep", "tiny/(broken|late|long)", "--fail-fast", "--set", "train.epochs=5000"],
        1,
    );
    assert_eq!(cells(&table, "tiny/broken")[..2], ["failed", "4"]);
    assert_eq!(cells(&table, "tiny/late"), ["skipped", "-", "tiny/broken failed"]);

    let arguments = ["sweep", "tiny/(broken|long|late)", "--fail-fast", "--jobs", "3"];
    let (table, _) = ends(here.path(), &[&arguments[..], &["--set", "train.epochs=5000"]].concat(), 1);
    let stopped = cells(&table, "tiny/long");
    // It may have been asked before it was ready to save.
    assert!(["stopped", "skipped"].contains(&stopped[0]), "{table}");
}

#[test]
fn a_signal_reaches_every_process_and_what_runs_elsewhere_is_let_alone() {
    let here = folder();
    tiny_families(here.path());
    let run = here.path().join("experiments/tiny/long");
    let start = |arguments: &[&str]| {
        let mut command = tiny(here.path(), arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let sweep = start(&["sweep", "tiny/(long|late)"]);
    wait_for("run", || run.join("checkpoints/ckpt-E001.safetensors").is_file());
    let (status, _) = ends(here.path(), &["status", "tiny/long"], 0);
    assert_eq!(cells(&status, "tiny/long")[1], "running");
    let (table, said) = ends(here.path(), &["sweep", "tiny/long"], 1);
    assert_eq!(cells(&table, "tiny/long")[..2], ["running elsewhere", "-"]);
    assert!(said.contains("1 of 1 runs are not done (1 running elsewhere)"), "{said}");

    signal(&sweep, "-USR1");
    let output = sweep.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(138), "{}", stderr(&output));
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(cells(&table, "tiny/long")[..2], ["stopped", "138"], "{table}");
    let (status, _) = ends(here.path(), &["status", "tiny/(long|late)"], 0);
    assert_eq!(cells(&status, "tiny/long")[1], "stopped");
    assert!(status.contains("left for those that began"), "{status}");

    // It goes on where it was.
    let sweep = start(&["sweep", "tiny/long"]);
    let log = || std::fs::read_to_string(run.join("run.log")).unwrap();
    wait_for("second start", || log().contains("resuming in epoch"));
    signal(&sweep, "-TERM");
    assert_eq!(sweep.wait_with_output().unwrap().status.code(), Some(143));
}

#[test]
fn a_full_disk_shows_in_the_table() {
    let here = folder();
    tiny_families(here.path());
    let script = "export BASIN_CONFIGS=configs; $RUNNER sweep 'tiny/(late|first)' -b disk/experiments >table; code=$?; cat table >&2; exit $code";
    if let Some((code, said)) = on_disk(here.path(), "size=60m", script) {
        assert_eq!(code, 1, "{said}");
        let row = cells(&said, "tiny/late");
        assert!(row[..2] == ["failed", "1"] && row[2].contains("free some space"), "{said}");
    }
}

#[test]
fn a_notice_that_time_runs_out_stops_every_kind_of_work() {
    let here = folder();
    tiny_families(here.path());
    let path = here.path();
    success(tiny(path, &["-k", "tiny/first"]));
    let [one, two] = ["ckpt-E000", "ckpt-E001"]
        .map(|name| format!("experiments/tiny/first/checkpoints/{name}.safetensors"));
    let many =
        ["data.configs.test_per_class=400", "data.configs.image_size=32", "data.configs.pre_crop_size=36"];
    let works: [&[&str]; 4] = [
        &["eval", &two],
        &["interpolate", &one, &two],
        // Its images are drawn first, and then evaluated.
        &["-k", "tiny/late"],
        &["mistakes", &one, &two],
    ];
    for work in works {
        let mut command = tiny(path, work);
        command.args(many.iter().flat_map(|setting| ["--set", setting]));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for("handler of SIGUSR1", || handles_usr1(&child));
        std::thread::sleep(std::time::Duration::from_millis(200));
        signal(&child, "-USR1");
        // Slurm may repeat it.
        signal(&child, "-USR1");
        let asked = std::time::Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(138), "{work:?}");
        assert!(asked.elapsed().as_secs() < 10, "{work:?}");
    }
}

/// Whether a process has said what it does on SIGUSR1, the tenth signal, as Linux tells it.
fn handles_usr1(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    u64::from_str_radix(caught.trim(), 16).unwrap_or(0) >> 9 & 1 == 1
}
