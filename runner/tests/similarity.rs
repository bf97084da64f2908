//! CKA of networks, as a user compares them.

use std::path::Path;
use std::process::Command;

use basin_core::checkpoint::Checkpoint;
use basin_core::model::{Arch, initial_state, initial_state_with_zero_head};
use serde_json::Value;

use crate::common::*;

/// Networks at their initialisation: two architectures, two heads.
fn write_networks(folder: &Path) {
    let networks = [
        ("small", "fixup_resnet18", 10),
        ("other", "fixup_resnet18", 3),
        ("deep", "fixup_resnet34", 7),
        ("blank", "fixup_resnet18", 10),
    ];
    for (seed, (name, arch, classes)) in networks.into_iter().enumerate() {
        let draw = if name == "blank" { initial_state_with_zero_head } else { initial_state };
        let arch = Arch::new(arch, classes).unwrap();
        let metadata = [("arch".to_owned(), arch.name.clone())].into();
        let state = draw(&arch, seed as u64);
        Checkpoint { state, metadata }.save(&folder.join(format!("{name}.safetensors"))).unwrap();
    }
}

fn similarity(folder: &Path, networks: &[&str], more: &[&str]) -> Command {
    let mut command = runner(folder);
    command.arg("similarity").args(networks.iter().map(|name| format!("{name}.safetensors")));
    command.args(["-k", KEY, "--set", "data.configs.test_per_class=4"]).args(more);
    command
}

/// The result, and what was said while it was made.
#[track_caller]
fn result(mut command: Command) -> (Value, String) {
    let output = command.arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    (serde_json::from_slice(&output.stdout).unwrap(), stderr(&output))
}

fn matrix(result: &Value) -> Vec<Vec<Option<f64>>> {
    serde_json::from_value(result["pairs"][0]["modules"].clone()).unwrap()
}

fn layers(pair: &Value) -> Vec<Option<f64>> {
    serde_json::from_value(pair["layers"].clone()).unwrap()
}

#[track_caller]
fn assert_close(one: &[Vec<Option<f64>>], two: &[Vec<Option<f64>>], tolerance: f64) {
    assert_eq!(one.len(), two.len());
    for (one, two) in one.iter().flatten().zip(two.iter().flatten()) {
        assert!((one.unwrap() - two.unwrap()).abs() <= tolerance, "{one:?} {two:?}");
    }
}

#[test]
fn networks_of_different_architectures_and_heads_are_compared() {
    let here = folder();
    write_networks(here.path());
    let (first, said) = result(similarity(here.path(), &["small", "deep"], &[]));
    assert!(
        said.contains("32 modules of 2 networks on 40 images")
            && said.contains("of 2.00 GiB, the networks 2 passes")
    );
    let map = matrix(&first);
    assert_eq!((map.len(), map[0].len()), (12, 20));
    assert!(map.iter().flatten().all(|cka| (-1e-6..=1.0 + 1e-6).contains(&cka.unwrap())));
    assert_eq!(
        first["layers"],
        serde_json::json!(["conv1", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"])
    );
    // The last block of a stage, and a pair in either order.
    assert_eq!(layers(&first["pairs"][0])[1], map[3][4]);
    let (swapped, _) = result(similarity(here.path(), &["deep", "small"], &[]));
    let transposed: Vec<Vec<_>> =
        (0..12).map(|row| matrix(&swapped).iter().map(|line| line[row]).collect()).collect();
    assert_close(&map, &transposed, 1e-9);
    let pairs = first["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 3, "one with the other, and each with itself");
    for itself in &pairs[1..] {
        assert!(layers(itself).iter().all(|cka| (cka.unwrap() - 1.0).abs() < 1e-9), "{itself}");
    }

    let printed = success(similarity(here.path(), &["small", "deep"], &[]));
    let lines: Vec<&str> = printed.lines().collect();
    assert!(
        lines[1].starts_with("small & deep ") && lines[2].starts_with("small & itself  1.0000"),
        "{printed}"
    );
    let results = Path::new(lines[4].strip_prefix("written to ").unwrap());
    for file in ["result.json", "layers.csv", "modules.csv", "modules.svg", "modules.png"] {
        assert!(here.path().join(results).join(file).exists(), "{file}");
    }
    let (_, said) = result(similarity(here.path(), &["small", "deep"], &[]));
    assert!(said.starts_with("taken from ") && !said.contains("passes"), "computed anew: {said}");
}

#[test]
fn less_memory_means_more_passes_and_the_same_numbers() {
    let here = folder();
    write_networks(here.path());
    for more in [
        &["--estimator", "exact"][..],
        &["--estimator", "minibatch", "--batch", "16"],
        &["--features", "position"],
    ] {
        let within = |memory: &str| {
            std::fs::remove_dir_all(here.path().join("experiments")).ok();
            let (result, said) =
                result(similarity(here.path(), &["small", "other"], &[more, &["--memory", memory]].concat()));
            let words: Vec<&str> = said.split_whitespace().collect();
            let passes = words.iter().position(|word| *word == "passes").unwrap();
            (result, words[passes - 1].parse::<usize>().unwrap())
        };
        let ((plenty, two), (little, many)) =
            (within("1GiB"), within(if more[1] == "position" { "20MiB" } else { "0.6MiB" }));
        assert!(two == 2 && many > 4, "{two} and {many} passes with {more:?}");
        if more[1] != "position" {
            assert_close(&matrix(&plenty), &matrix(&little), 1e-6);
        }
        assert_close(&[layers(&plenty["pairs"][0])], &[layers(&little["pairs"][0])], 1e-6);
    }
}

#[test]
fn positions_and_images_agree_where_an_image_is_one_position() {
    let here = folder();
    write_networks(here.path());
    for more in [
        &["--estimator", "exact"][..],
        &["--estimator", "unbiased"],
        &["--estimator", "minibatch", "--batch", "20"],
    ] {
        let of = |features: &str| {
            let all = [more, &["--features", features]].concat();
            matrix(&result(similarity(here.path(), &["small", "other"], &all)).0)
        };
        let (flat, position) = (of("flat"), of("position"));
        // At 32 pixels, an image is one position from layer4.0 on.
        for row in 8..12 {
            assert_close(&[flat[row][8..].to_vec()], &[position[row][8..].to_vec()], 1e-4);
            assert_eq!(position[row][0], None, "positions that do not correspond");
        }
        assert!((flat[1][1].unwrap() - position[1][1].unwrap()).abs() > 1e-3);
    }
}

#[test]
fn more_networks_are_compared_layer_by_layer() {
    let here = folder();
    write_networks(here.path());
    let (three, _) =
        result(similarity(here.path(), &["small", "deep", "blank"], &["--modules", "layer1,layer3.5,fc"]));
    let pairs = three["pairs"].as_array().unwrap();
    let networks: Vec<&Value> = pairs.iter().map(|pair| &pair["networks"]).collect();
    let expected = serde_json::json!([[0, 1], [0, 2], [1, 2], [0, 0], [1, 1], [2, 2]]);
    assert_eq!(serde_json::json!(networks), expected);
    assert_eq!(three["layers"], serde_json::json!(["layer1", "fc"]), "only one has layer3.5");
    assert_eq!(layers(&pairs[5])[1], None, "a head of zeros says the same of every image");
    assert_eq!((layers(&pairs[0]).len(), matrix(&three).len()), (2, 0));
    let printed =
        success(similarity(here.path(), &["small", "deep", "blank"], &["--modules", "layer1,layer3.5,fc"]));
    assert!(printed.contains("blank & itself  1.0000  undefined"), "{printed}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let here = folder();
    write_networks(here.path());
    let two = ["small", "other"];
    let fails = |more: &[&str], parts: &[&str]| failure(similarity(here.path(), &two, more), 2, parts);
    fails(&["--samples", "3"], &["at least 4 samples", "has 3"]);
    fails(&["--modules", "layr4"], &["no module layr4", "nearest are layer4"]);
    fails(&["--memory", "100KiB"], &["1 MiB are too little", "takes", "--memory", "--samples"]);
    fails(&["--features", "position", "--memory", "1"], &["too little", "--modules"]);
    fails(&["--memory", "much"], &["much is no size", "2GiB"]);
    fails(&["--batch", "16"], &["--batch belongs to --estimator minibatch"]);
    fails(&["--estimator", "minibatch", "--batch", "3"], &["at least 4 samples", "3"]);
    failure(similarity(here.path(), &["small", "absent"], &[]), 3, &["absent.safetensors"]);
    failure(similarity(here.path(), &["small"], &[]), 2, &["2 values"]);

    let path = here.path().join("other.safetensors");
    let mut checkpoint = Checkpoint::load(&path).unwrap();
    let tensor =
        checkpoint.state.tensors.iter_mut().find(|tensor| tensor.name == "layer2.0.conv1.weight").unwrap();
    tensor.data[5] = f32::NAN;
    checkpoint.save(&path).unwrap();
    failure(
        similarity(here.path(), &two, &[]),
        4,
        &["other.safetensors", "layer2.0.conv1.weight", "not finite"],
    );
    tensor_scaled(&path, 1e30);
    failure(similarity(here.path(), &two, &[]), 4, &["layer2.0 in other.safetensors", "not finite"]);
    assert!(!here.path().join("experiments").exists(), "nothing is written");
}

/// Weights that are finite, and features that are not.
fn tensor_scaled(path: &Path, factor: f32) {
    let mut checkpoint = Checkpoint::load(path).unwrap();
    for tensor in checkpoint.state.tensors.iter_mut().filter(|tensor| tensor.name.starts_with("layer2.0.")) {
        tensor
            .data
            .iter_mut()
            .for_each(|value| *value = if value.is_nan() { 1.0 } else { *value * factor + 1.0 });
    }
    checkpoint.save(path).unwrap();
}
