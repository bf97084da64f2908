//! Lines between any two of several networks, and the basin of two.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use basin_core::checkpoint::Checkpoint;
use serde_json::Value;

use crate::common::*;

/// Three checkpoints of one small run.
fn three_checkpoints(here: &Path) -> [PathBuf; 3] {
    success(train(here, &[FIXUP, ["--set", "train.keep_every=1"]].concat()));
    ["ckpt-E000", "ckpt-E001", "ckpt-E002"].map(|name| checkpoint(here, name))
}

fn analyse(here: &Path, what: &str, checkpoints: &[PathBuf], more: &[&str]) -> Command {
    let mut command = runner(here);
    command.arg(what).args(checkpoints).args(["--samples", "8", "--json"]).args(more);
    command
}

fn json(command: Command) -> Value {
    serde_json::from_str(&success(command)).unwrap()
}

#[test]
fn three_networks_have_three_lines_and_one_chart_of_them() {
    let here = folder();
    let checkpoints = three_checkpoints(here.path());
    let interpolate =
        |checkpoints: &[PathBuf], more: &[&str]| analyse(here.path(), "interpolate", checkpoints, more);
    let lines = json(interpolate(&checkpoints, &["--coefficients", "0:1:3", "-o", "all"]));
    let stems = |line: &Value| {
        [0, 1].map(|end| {
            let path = PathBuf::from(line["inputs"]["networks"][end]["path"].as_str().unwrap());
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
    };
    let ends: Vec<_> = lines.as_array().unwrap().iter().map(stems).collect();
    let [a, b, c] = ["ckpt-E000", "ckpt-E001", "ckpt-E002"].map(str::to_owned);
    assert_eq!(ends, [[a.clone(), b.clone()], [a, c.clone()], [b, c]]);

    let read = |name: &str| fs::read_to_string(here.path().join("all").join(name)).unwrap();
    for figure in ["accuracy", "loss", "barrier-accuracy", "barrier-loss"] {
        assert!(read(&format!("{figure}.svg")).contains("ckpt-E001 to ckpt-E002"), "{figure}");
    }
    let barrier = &lines[1]["barrier"]["loss"];
    assert!(barrier["interval"][0].as_f64() <= barrier["interval"][1].as_f64());
    let bars = read("barrier-loss.csv");
    assert!(bars.contains(",ckpt-E000 to ckpt-E002,"), "{bars}");
    let value = basin_core::number::csv(barrier["value"].as_f64().unwrap());
    assert!(bars.contains(&format!(",{value},")), "{bars} {barrier}");

    // Without -o each pair lies in its run, where the pair alone is found.
    success(interpolate(&checkpoints, &["--coefficients", "0:1:3"]));
    let again = interpolate(&checkpoints[1..], &["--coefficients", "0:1:3"]).output().unwrap();
    assert_eq!(stderr(&again).matches("coefficient ").count(), 0, "nothing is computed twice");
    let pair: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((&pair["points"], &pair["barrier"]), (&lines[2]["points"], &lines[2]["barrier"]));
}

#[test]
fn the_search_for_a_basin_is_killed_and_goes_on() {
    let here = folder();
    let checkpoints = three_checkpoints(here.path());
    let settings = ["--loss", "cross-entropy", "--tolerance", "0.1", "--draws", "1"];
    let basin = |more: &[&str]| analyse(here.path(), "basin", &checkpoints[1..], &[&settings, more].concat());
    let whole = json(basin(&["-o", "whole"]));
    let (found, file) = (&whole["found"], |name: &str| here.path().join(name));
    let [low, high] = [0, 1].map(|end| found["segment"][end].as_f64().unwrap());
    assert!(low <= 0.0 && high >= 1.0, "{found}");
    let epsilon = found["epsilon"].as_f64().unwrap();
    assert!(epsilon > 0.0 && epsilon <= 0.1, "{found}");
    assert!(found["delta"].is_f64() != found["no_basin"].is_string(), "{found}");
    assert!(whole["search"].as_str().unwrap().contains("Definition 3.1"));
    let measured = |folder: &str| fs::read_to_string(file(folder).join("points.jsonl")).unwrap_or_default();
    let count = measured("whole").lines().count();
    assert!(count > 22, "{count}");

    let mut killed = basin(&["-o", "killed"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while measured("killed").lines().count() < 5 {
        sleep(Duration::from_millis(2));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    // As if it had been killed in the middle of a line.
    let half = measured("killed") + "{\"place\":{\"coef";
    fs::write(file("killed/points.jsonl"), half).unwrap();
    assert_eq!(&json(basin(&["-o", "killed"]))["found"], found);
    assert_eq!(measured("killed"), measured("whole"), "each place once, in order");

    // Another tolerance uses what is there.
    let tight = ["--loss", "cross-entropy", "--tolerance", "0.000001", "-o", "whole"];
    let tight = json(analyse(here.path(), "basin", &checkpoints[1..], &tight));
    assert!(tight["found"]["no_basin"].as_str().unwrap().contains("a barrier is between them"), "{tight}");
    assert_eq!(measured("whole").lines().count(), count);
}

#[test]
fn networks_that_cannot_be_compared_are_named() {
    let here = folder();
    let [_, one, two] = three_checkpoints(here.path());
    let broken = one.with_file_name("broken.safetensors");
    let other = one.with_file_name("other.safetensors");
    let good = Checkpoint::load(&two).unwrap();
    let mut changed = good.clone();
    changed.state.tensors.iter_mut().find(|tensor| tensor.name == "layer2.1.conv1.weight").unwrap().data[3] =
        f32::NAN;
    changed.save(&broken).unwrap();
    let mut changed = good;
    let head = changed.state.tensors.iter_mut().find(|tensor| tensor.name == "fc.bias").unwrap();
    (head.shape, head.data) = (vec![7], vec![0.0; 7]);
    changed.save(&other).unwrap();

    let check = |what: &str, checkpoints: &[&PathBuf], more: &[&str], code: i32, parts: &[&str]| {
        let checkpoints: Vec<PathBuf> = checkpoints.iter().map(|path| path.to_path_buf()).collect();
        let arguments = [&["-o", "result"], more].concat();
        let mut command = runner(here.path());
        command.arg(what).args(checkpoints).args(arguments);
        failure(command, code, parts);
        assert!(!here.path().join("result").exists(), "something was left behind");
    };
    let not_finite = ["broken.safetensors", "not finite", "layer2.1.conv1.weight"];
    check("interpolate", &[&one, &broken], &[], 4, &not_finite);
    check("interpolate", &[&one, &two, &broken], &[], 4, &not_finite);
    check("basin", &[&broken, &two], &[], 4, &not_finite);
    check("interpolate", &[&one, &other], &[], 3, &["other.safetensors", "fc.bias is [7] instead of [10]"]);
    check("interpolate", &[&one, &two], &["--samples", "0"], 2, &["empty"]);
    check("interpolate", &[&one], &[], 2, &["2"]);
    check("basin", &[&one, &one], &[], 2, &["the same parameters"]);
    check("basin", &[&one, &two], &["--tolerance", "0"], 2, &["--tolerance", "above 0"]);
    check("basin", &[&one, &two], &["--draws", "0"], 2, &["--draws", "at least 1"]);
    check("basin", &[&one, &two], &["--loss", "hinge"], 2, &["hinge", "cross-entropy"]);
}
