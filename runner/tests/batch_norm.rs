//! Networks with batch normalisation keep running statistics, which are part of every state.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use basin_core::checkpoint::{Checkpoint, StateDict};
use serde_json::Value;

use crate::common::*;

const ARCH: [&str; 2] = ["--set", "model.arch=torchvision/resnet18"];

fn state(folder: &std::path::Path, name: &str) -> StateDict {
    Checkpoint::load(&checkpoint(folder, name)).unwrap().state
}

#[test]
fn a_run_with_running_statistics_ends_with_the_same_bytes_however_often_it_is_stopped() {
    let whole = folder();
    let mut alone = train(whole.path(), &ARCH);
    alone.env("RAYON_NUM_THREADS", "1");
    success(alone);

    let stopped = folder();
    let mut stops = 0;
    for attempt in 0.. {
        let mut command = train(stopped.path(), &ARCH);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(400 + 100 * attempt));
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            break;
        }
        std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        stops += 1;
    }
    assert!(stops > 0, "never stopped");
    for name in ["ckpt-E000", "ckpt-E002", "ckpt-best", "resume"] {
        let [one, two] = [&whole, &stopped].map(|f| std::fs::read(checkpoint(f.path(), name)).unwrap());
        assert!(one == two, "{name} differs");
    }

    // Two epochs of 10 classes with 16 images each, in steps of 16 images: every batch is counted once.
    let last = state(whole.path(), "ckpt-E002");
    let steps = state(whole.path(), "resume");
    for state in [&last, &steps] {
        let count = state.get("bn1.num_batches_tracked").unwrap();
        assert_eq!((count.shape.as_slice(), count.data.as_slice()), (&[][..], &[20.0][..]));
    }
    assert_ne!(last.get("bn1.running_mean"), state(whole.path(), "ckpt-E000").get("bn1.running_mean"));
    assert!(steps.get("momentum.bn1.weight").is_some() && steps.get("momentum.bn1.running_mean").is_none());
}

#[test]
fn fine_tuning_takes_over_the_running_statistics_and_no_head() {
    let here = folder();
    let once = ["--set", "train.epochs=1"];
    success(train(here.path(), &[ARCH, once].concat()));
    let trained = state(here.path(), "ckpt-E001");

    // PyTorch before 0.4.1 counted no batches.
    let mut old = trained.clone();
    old.tensors.retain(|tensor| !tensor.is_count());
    let path = here.path().join("old.safetensors");
    Checkpoint { state: old, ..Checkpoint::default() }.save(&path).unwrap();

    for (source, counted) in [(checkpoint(here.path(), "ckpt-E001"), true), (path, false)] {
        let name = source.file_stem().unwrap().to_str().unwrap();
        let from = format!("train.finetune_from={}", source.display());
        success(train(here.path(), &[&ARCH[..], &once, &["-w", name, "--set", &from]].concat()));
        let start = here.path().join(name).join("checkpoints/ckpt-E000.safetensors");
        let start = Checkpoint::load(&start).unwrap().state;
        for tensor in &start.tensors {
            let before = trained.get(&tensor.name).unwrap();
            if tensor.is_count() && !counted {
                assert_eq!(tensor.data, [0.0], "{}", tensor.name);
            } else {
                assert_eq!(tensor == before, !tensor.name.starts_with("fc."), "{}", tensor.name);
            }
        }
    }
    failure(
        train(here.path(), &["--set", "model.arch=torchvision/resnet19", "-w", "none"]),
        2,
        &["torchvision/resnet19", "torchvision/resnet18", "runner models"],
    );
}

#[test]
fn a_pass_of_one_image_is_refused_where_it_is_one_pixel() {
    let here = folder();
    // 160 images, in three batches of 53 and one that is left.
    let batch = ["--set", "train.batch_size=53"];
    failure(
        train(here.path(), &[&ARCH[..], &batch].concat()),
        2,
        &["160 images", "layer4.1", "train.batch_size"],
    );
    success(train(here.path(), &[&batch[..], &["--set", "train.epochs=1"]].concat()));
}

/// The mean of two networks' statistics is not the statistics of their mean.
#[test]
fn statistics_between_networks_are_measured_anew_and_averaged() {
    let here = folder();
    for (name, seed) in [("one", "seed.init=1"), ("two", "seed.init=2")] {
        success(train(
            here.path(),
            &[&ARCH[..], &["-w", name, "--set", seed, "--set", "train.epochs=1"]].concat(),
        ));
    }
    let [one, two] = ["one", "two"].map(|name| format!("{name}/checkpoints/ckpt-E001.safetensors"));
    let analyse = |arguments: &[&str]| -> Value {
        let mut command = runner(here.path());
        command.args(arguments).arg("--json");
        serde_json::from_str(&success(command)).unwrap()
    };

    let lines = analyse(&["interpolate", &one, &two, "--coefficients", "0.5"]);
    let [measured, averaged] = lines.as_array().unwrap().as_slice() else { panic!("{lines}") };
    assert_eq!((&measured["statistics"], &averaged["statistics"]), (&"measured".into(), &"averaged".into()));
    let loss = |line: &Value| line["points"][1]["loss"].as_f64().unwrap();
    assert!((loss(measured) - loss(averaged)).abs() > 1e-3, "{lines}");
    let alone = analyse(&["interpolate", &one, &two, "--coefficients", "0.5", "--statistics", "averaged"]);
    assert_eq!(&alone, averaged);

    let surface = |statistics: &str| {
        let grid = [
            "--modules",
            "layer1.0",
            "--alphas",
            "0.5",
            "--sigmas",
            "0.1",
            "--draws",
            "1",
            "--samples",
            "40",
        ];
        analyse(&[&["criticality", one.as_str(), "--statistics", statistics], &grid[..]].concat())
    };
    let [measured, averaged] = ["measured", "averaged"].map(surface);
    let point = |result: &Value| result["modules"][0]["points"][0]["mean"]["loss"].as_f64().unwrap();
    assert!((point(&measured) - point(&averaged)).abs() > 1e-6, "{measured} {averaged}");
    assert_ne!(measured["end"]["loss"], averaged["end"]["loss"]);

    let basin = |statistics: &str| {
        analyse(&["basin", &one, &two, "--statistics", statistics, "--tolerance", "1e-9", "--samples", "40"])
    };
    let [measured, averaged] = ["measured", "averaged"].map(basin);
    assert_ne!(measured["found"]["mean"], averaged["found"]["mean"]);
}

#[test]
fn what_is_frozen_stays_as_it_starts_with_its_running_statistics() {
    let here = folder();
    let head = ["--set", "train.epochs=1", "--set", "train.freeze=[\"^(?!fc)\"]"];
    success(train(here.path(), &[&ARCH[..], &head].concat()));
    let (before, after) = (state(here.path(), "ckpt-E000"), state(here.path(), "ckpt-E001"));
    for tensor in &after.tensors {
        let is_same = before.get(&tensor.name) == Some(tensor);
        assert_eq!(is_same, !tensor.name.starts_with("fc."), "{}", tensor.name);
    }
    let refused = |freeze: &str, parts: &[&str]| {
        failure(train(here.path(), &[&ARCH[..], &["-w", "none", "--set", freeze]].concat()), 2, parts);
    };
    refused("train.freeze=[\"nothing\"]", &["train.freeze", "nothing is found in no parameter"]);
    refused("train.freeze=[\"\"]", &["leaves nothing to train"]);
    refused("train.freeze=[\"(\"]", &["train.freeze", "not a regular expression"]);
}
