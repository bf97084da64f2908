//! Rewinding and module criticality as commands.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::common::*;

/// A run of three epochs that keeps them all.
fn trained(folder: &Path) -> PathBuf {
    let settings = ["--set", "train.keep_every=1", "--set", "train.epochs=3"];
    success(train(folder, &[&FIXUP[..], &settings].concat()));
    checkpoint(folder, "ckpt-E003")
}

fn command(folder: &Path, name: &str, checkpoint: &Path, more: &[&str]) -> Command {
    let mut command = runner(folder);
    command.arg(name).arg(checkpoint).args(more);
    command
}

fn json(command: Command) -> Value {
    serde_json::from_str(&success(command)).unwrap()
}

#[test]
fn modules_are_rewound_in_the_order_of_the_network() {
    let here = folder();
    let end = trained(here.path());
    let rewind = |more: &[&str]| command(here.path(), "rewind", &end, more);
    let result = json(rewind(&["--to", "0", "--to", "1", "--rerandomise", "5", "--json"]));
    let metrics = std::fs::read_to_string(run_folder(here.path()).join("metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    assert_eq!(result["none"]["accuracy"], last["eval/test_acc"]);
    assert_eq!(result["none"]["loss"], last["eval/test_loss"]);
    assert_eq!(result["modules"].as_array().unwrap().len(), 10);
    assert_eq!(result["rewound"].as_array().unwrap().len(), 3);

    let output = rewind(&["--modules", "fc,conv1", "-o", "out"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["module", "none", "conv1", "fc", "written"]);
    assert!(text.lines().next().unwrap().contains("epoch 0 test accuracy %"));
    for file in ["result.json", "points.jsonl", "accuracy.svg", "accuracy.png", "accuracy.csv", "loss.svg"] {
        assert!(here.path().join("out").join(file).is_file(), "{file}");
    }
    // The folder is of another analysis now.
    failure(rewind(&["--to", "1", "-o", "out"]), 2, &["out holds another analysis", "another folder"]);
}

#[test]
fn surfaces_that_are_stopped_go_on_and_end_with_the_same_bytes() {
    let here = folder();
    let end = trained(here.path());
    let on_grid = |sigmas: &str, more: &[&str]| {
        let grid = ["--modules", "conv1,fc", "--alphas", "0:1:3", "--sigmas", sigmas, "--samples", "20"];
        command(here.path(), "criticality", &end, &[&grid[..], more].concat())
    };
    let measure = |more: &[&str]| on_grid("0:0.1:3", more);
    let whole = json(measure(&["--json", "-o", "whole"]));
    assert_eq!(whole["modules"][0]["points"].as_array().unwrap().len(), 9);
    assert_eq!(whole["inputs"]["split"], "eval_mode_train");
    let epsilon = 1.01 * whole["end"]["loss"].as_f64().unwrap();
    assert_eq!(whole["epsilon"], epsilon);

    let points = here.path().join("killed/points.jsonl");
    let mut killed = measure(&["-o", "killed"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while std::fs::read_to_string(&points).map_or(0, |text| text.lines().count()) < 5 {
        sleep(Duration::from_millis(2));
    }
    let interrupted = Command::new("kill").args(["-INT", &killed.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(killed.wait().unwrap().code(), Some(130));
    let so_far = std::fs::read_to_string(&points).unwrap();
    assert!(so_far.lines().count() < 2 + 2 * (3 + 3 * 6), "it was stopped too late to see anything");
    // A kill may leave half a line.
    std::fs::write(&points, so_far.clone() + "{\"at\":{\"mod").unwrap();
    success(measure(&["-o", "killed"]));
    for file in
        ["points.jsonl", "result.json", "points.csv", "conv1-loss.svg", "fc-accuracy.csv", "criticality.svg"]
    {
        let [a, b] =
            ["whole", "killed"].map(|name| std::fs::read(here.path().join(name).join(file)).unwrap());
        assert!(a == b, "{file} differs");
    }
    assert!(std::fs::read_to_string(&points).unwrap().starts_with(&so_far));

    // Another rule scores the same points, and a part of the grid needs no new ones.
    let before = std::fs::read(&points).unwrap();
    let scored = json(on_grid("0.05,0.1", &["--epsilon", "1000", "--json", "-o", "killed"]));
    assert_eq!((&scored["epsilon"], &scored["network"]), (&Value::from(1000.0), &Value::from(0.0)));
    assert_eq!(std::fs::read(&points).unwrap(), before);

    // Four paths, each in its folder.
    let few = ["--modules", "fc", "--alphas", "0,1", "--sigmas", "0.05", "--draws", "1", "--samples", "20"];
    let mut both = command(here.path(), "criticality", &end, &few);
    both.args(["--paths", "direct,optimisation"]);
    both.arg(checkpoint(here.path(), "ckpt-E002"));
    let text = success(both);
    assert_eq!(text.matches("epsilon is").count(), 4);
    assert_eq!(text.matches("criticality  epoch").count(), 2);
    let kept = run_folder(here.path()).join("analysis/criticality");
    assert_eq!(std::fs::read_dir(kept).unwrap().count(), 4);
}

#[test]
fn what_cannot_be_measured_is_one_sentence() {
    let here = folder();
    let end = trained(here.path());
    let try_one = |name: &str, more: &[&str]| command(here.path(), name, &end, more);
    failure(try_one("rewind", &["--modules", "layer5.0"]), 2, &["no module layer5.0", "layer1.0"]);
    failure(try_one("criticality", &["--modules", "conv"]), 2, &["no module conv", "conv1"]);
    failure(try_one("rewind", &["--to", "9"]), 3, &["no checkpoint of epoch 9", "0, 1, 2, 3", "path"]);
    failure(try_one("criticality", &["--start", "3"]), 2, &["both the start and the end"]);
    failure(try_one("criticality", &["--sigmas=-1,0"]), 2, &["deviation", "-1"]);
    failure(try_one("criticality", &["--alphas", "0:2:3"]), 2, &["coefficient", "2"]);
    failure(try_one("criticality", &["--draws", "0"]), 2, &["draw"]);
    failure(try_one("criticality", &["--within", "0"]), 2, &["bound", "0"]);
    failure(try_one("criticality", &["--paths", "curved"]), 2, &["curved", "direct", "optimisation"]);
    failure(try_one("criticality", &["--paths", "direct,optimisation", "-o", "x"]), 2, &["--output"]);
    failure(try_one("rewind", &["--set", "model.arch=fixup_resnet34"]), 3, &["fixup_resnet34", "is missing"]);

    let first = checkpoint(here.path(), "ckpt-E001");
    let direct = command(here.path(), "criticality", &first, &["--paths", "optimisation"]);
    failure(direct, 3, &["no checkpoint lies between", "train.keep_every=1"]);

    // Its outputs overflow, although its weights are finite.
    let mut large = basin_core::checkpoint::Checkpoint::load(&end).unwrap();
    let head = large.state.tensors.iter_mut().find(|tensor| tensor.name == "fc.weight").unwrap();
    head.data.fill(3e38);
    large.save(&here.path().join("large.safetensors")).unwrap();
    let settings = ["--modules", "fc", "--draws", "1", "--samples", "20", "--start"];
    let mut overflows =
        command(here.path(), "criticality", &here.path().join("large.safetensors"), &settings);
    overflows.arg(checkpoint(here.path(), "ckpt-E000")).args(["-k", KEY]);
    failure(overflows, 4, &["large.safetensors", "not finite"]);

    let mut broken = basin_core::checkpoint::Checkpoint::load(&end).unwrap();
    broken.state.tensors[3].data[0] = f32::NAN;
    let name = &broken.state.tensors[3].name.clone();
    broken.save(&first).unwrap();
    failure(try_one("rewind", &["--to", "1"]), 4, &["ckpt-E001", name, "not finite"]);
    failure(try_one("criticality", &["--paths", "optimisation"]), 4, &["ckpt-E001", name, "not finite"]);

    std::fs::remove_file(checkpoint(here.path(), "ckpt-E000")).unwrap();
    failure(try_one("rewind", &[]), 3, &["no checkpoint of epoch 0", "1, 2, 3"]);
    failure(try_one("criticality", &[]), 3, &["no checkpoint of epoch 0"]);
    assert!(!run_folder(here.path()).join("analysis").exists(), "something was written");
    assert!(!here.path().join("x").exists());
}
