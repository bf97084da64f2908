//! Listing keys, measuring checkpoints, and the line between two of them.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::common::*;

#[test]
fn keys_are_listed_in_the_references_format_and_settings_shown() {
    let here = folder();
    let list = |regex: &[&str]| {
        let mut command = runner(here.path());
        command.arg("configs").args(regex);
        success(command)
    };
    let some = list(&["blk7_shuffle.*seed0"]);
    let lines: Vec<&str> = some.lines().collect();
    assert_eq!(lines[0], "12 configs found ====== with regex: blk7_shuffle.*seed0");
    assert_eq!(
        lines[1],
        "    0) blk7_shuffle/DomainNet_clipart/fixup_resnet50_nzfc_noaug/finetune-lr0.02-MstepLR/seed0"
    );
    assert_eq!(lines.len(), 13);
    let all = list(&[]);
    assert!(all.lines().nth(538).unwrap().starts_with("  537) blk112_shuffle/DomainNet_quickdraw"));
    let ours = ["train/cifar10/", "pretrain/imagenet/", "demo/", "lpft/"];
    let is_ours = |line: &str| {
        line.split_once(") ").is_some_and(|(_, key)| ours.iter().any(|start| key.starts_with(start)))
    };
    assert!(
        all.lines().count() > 539 && all.lines().skip(539).all(is_ours),
        "our own come after the reference's"
    );

    let mut show = runner(here.path());
    show.args(["show", KEY, "--set", "optimizer.base_lr=0.25"]);
    let shown = success(show);
    for setting in
        ["base_lr: 0.25", "momentum: 0.9", "image_size: 32", "arch: \"fixup_resnet18\"", "order: 0"]
    {
        assert!(shown.contains(setting), "no `{setting}` in {shown}");
    }
}

#[test]
fn a_checkpoint_is_measured_as_its_run_measured_it() {
    let here = folder();
    success(train(here.path(), &FIXUP));
    let path = checkpoint(here.path(), "ckpt-E002");
    let mut command = runner(here.path());
    command.arg("eval").arg(&path).arg("--json");
    let result: Value = serde_json::from_str(&success(command)).unwrap();
    let metrics = std::fs::read_to_string(run_folder(here.path()).join("metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    assert_eq!((&result["accuracy"], &result["loss"]), (&last["eval/test_acc"], &last["eval/test_loss"]));
    let stored = |name: &str| {
        let file = run_folder(here.path()).join("predictions").join(name);
        basin_core::checkpoint::Checkpoint::load(&file).unwrap()
    };
    let (ours, last) = (stored("ckpt-E002.safetensors"), stored("last.safetensors"));
    assert_eq!(ours.state, last.state);
    assert_eq!(ours.state.get("logits").unwrap().shape, [80, 10]);
    assert_eq!(ours.metadata["ids"].lines().next(), Some("photo/test/arrow/00000"));
    assert_eq!(ours.metadata["epoch"], "2");

    // A checkpoint that was moved away needs a key.
    let moved = here.path().join("moved.safetensors");
    std::fs::copy(&path, &moved).unwrap();
    let mut command = runner(here.path());
    command.args([
        "eval",
        "moved.safetensors",
        "-k",
        KEY,
        "--set",
        "data.configs.test_per_class=8",
        "--json",
    ]);
    let again: Value = serde_json::from_str(&success(command)).unwrap();
    assert_eq!(again["loss"], result["loss"]);
}

#[test]
fn a_line_that_is_killed_goes_on_and_ends_with_the_same_numbers() {
    let here = folder();
    success(train(here.path(), &FIXUP));
    let [one, two] = ["ckpt-E000", "ckpt-E002"].map(|name| checkpoint(here.path(), name));
    let interpolate_at = |coefficients: &str, more: &[&str]| {
        let mut command = runner(here.path());
        command
            .arg("interpolate")
            .args([&one, &two])
            .args(["--json", "--coefficients", coefficients])
            .args(more);
        command
    };
    let interpolate = |more: &[&str]| interpolate_at("-0.5:1.5:41", more);
    let whole: Value = serde_json::from_str(&success(interpolate(&["-o", "whole"]))).unwrap();
    let points = whole["points"].as_array().unwrap();
    assert_eq!(
        (points.len(), &points[0]["coefficient"], &points[40]["coefficient"]),
        (41, &Value::from(-0.5), &Value::from(1.5))
    );
    let metrics = std::fs::read_to_string(run_folder(here.path()).join("metrics.jsonl")).unwrap();
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let close = |point: &Value, record: &Value| {
        (point["loss"].as_f64().unwrap() - record["eval/test_loss"].as_f64().unwrap()).abs() < 1e-6
    };
    assert!(
        close(&points[10], &lines[0]) && close(&points[30], &lines[lines.len() - 1]),
        "the ends are the checkpoints"
    );

    let mut killed =
        interpolate(&["-o", "killed"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let result = here.path().join("killed/result.json");
    while !result.exists() {
        sleep(Duration::from_millis(2));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let so_far: Value = serde_json::from_slice(&std::fs::read(&result).unwrap()).unwrap();
    assert!(so_far["points"].as_array().unwrap().len() < 41 && so_far["barrier"].is_null());
    let output = interpolate(&["-o", "killed"]).output().unwrap();
    let computed = stderr(&output).matches("coefficient ").count();
    assert!(computed < 41, "points that were there were computed again");
    for file in ["result.json", "points.csv", "accuracy.svg", "accuracy.png", "accuracy.csv", "loss.svg"] {
        let [a, b] =
            ["whole", "killed"].map(|folder| std::fs::read(here.path().join(folder).join(file)).unwrap());
        assert!(a == b, "{file} differs");
    }
    let svg = std::fs::read_to_string(here.path().join("whole/accuracy.svg")).unwrap();
    assert!(svg.contains("linear interpolation coefficient") && svg.contains("test accuracy %"));
    assert!(std::fs::read(here.path().join("whole/accuracy.png")).unwrap().starts_with(b"\x89PNG"));

    // Fewer points take nothing away.
    let fewer: Value = serde_json::from_str(&success(interpolate_at("0:1:2", &["-o", "whole"]))).unwrap();
    assert_eq!(fewer["points"], whole["points"]);

    // Without -o the result lies in the run, and another command finds it there.
    success(interpolate(&[]));
    let output = interpolate(&[]).output().unwrap();
    assert_eq!(stderr(&output).matches("coefficient ").count(), 0, "nothing is computed twice");
}
