//! Training on several devices, in small parts and in another precision.

use std::path::Path;

use serde_json::Value;

use crate::common::*;

/// How far the parameters of two checkpoints are apart, relative to the first.
fn distance(folder: &Path, one: &str, two: &str) -> f64 {
    let mut command = runner(folder);
    let path = |run: &str| format!("{run}/checkpoints/ckpt-E002.safetensors");
    command.args(["checkpoint", "diff", &path(one), &path(two), "--json"]);
    let difference: Value = serde_json::from_str(&success(command)).unwrap();
    difference["total"]["relative"].as_f64().unwrap_or_else(|| panic!("{difference}"))
}

#[test]
fn however_a_batch_is_cut_the_network_becomes_the_same() {
    let here = folder();
    let here = here.path();
    success(train(here, &["-w", "whole"]));
    // The images of a batch, 16, are mixed before they are cut.
    for (run, options) in [
        ("two", &["--device", "cpu,cpu"][..]),
        ("three", &["--device", "cpu,cpu,cpu"]),
        ("parts", &["--set", "train.micro_batch=5"]),
        ("both", &["--device", "cpu,cpu", "--set", "train.micro_batch=3"]),
    ] {
        success(train(here, &[&["-w", run], options].concat()));
        let distance = distance(here, "whole", run);
        assert!(distance < 1e-6, "{run}: {distance}");
    }
    let record = std::fs::read_to_string(here.join("two/run.ron")).unwrap();
    assert_eq!(record.matches("cpu, ").count(), 2, "{record}");
    // How a batch is cut is free to change: a run goes on where there is less memory.
    success(train(here, &["-w", "parts", "--set", "train.micro_batch=2", "--set", "train.epochs=3"]));
}

#[test]
fn batch_norm_averages_what_the_parts_have_seen() {
    let here = folder();
    let here = here.path();
    let network = ["--set", "model.arch=torchvision/resnet18", "--set", "train.precision=f32"];
    success(train(here, &[&["-w", "whole"], &network[..]].concat()));
    success(train(here, &[&["-w", "parts", "--set", "train.micro_batch=8"], &network[..]].concat()));
    let counters = |run: &str| {
        let mut command = runner(here);
        let path = format!("{run}/checkpoints/ckpt-E002.safetensors");
        command.args(["checkpoint", "inspect", &path, "--json"]);
        let inspected: Value = serde_json::from_str(&success(command)).unwrap();
        let tensors = inspected["tensors"].as_array().unwrap().clone();
        let is_counter = |tensor: &&Value| tensor["name"] == "bn1.num_batches_tracked";
        tensors.iter().find(is_counter).unwrap()["statistics"]["mean"].as_f64().unwrap()
    };
    // Two epochs of ten steps: a step counts once, however it is cut.
    assert_eq!((counters("whole"), counters("parts")), (20.0, 20.0));
}

#[test]
fn a_lower_precision_trains_and_is_refused_where_it_is_not_there() {
    let here = folder();
    let here = here.path();
    success(train(here, &["-w", "single"]));
    success(train(here, &["-w", "brain", "--set", "train.precision=bf16"]));
    let distance = distance(here, "single", "brain");
    assert!((1e-5..0.05).contains(&distance), "{distance}");
    let refused = train(here, &["-w", "tensor", "--device", "cpu", "--set", "train.precision=tf32"]);
    failure(refused, 2, &["cpu", "has no tf32", "train.precision=f32"]);
    failure(train(here, &["--set", "train.precision=f8"]), 2, &["f8", "train.precision"]);
    let other = train(here, &["-w", "single", "--set", "train.precision=bf16"]);
    failure(other, 2, &[r#"train.precision: "f32" -> "bf16""#]);
    assert!(!here.join("tensor").exists());
}

#[test]
fn devices_that_cannot_share() {
    let here = folder();
    failure(train(here.path(), &["--device", "cpu,wgpu"]), 2, &["cpu,wgpu", "of one kind"]);
    let mut eval = runner(here.path());
    eval.args(["eval", "some.safetensors", "-k", KEY, "--device", "cpu,cpu"]);
    failure(eval, 2, &["only training", "--device"]);
}
