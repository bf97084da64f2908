//! `runner doctor`, and what `--device` says of devices that are not there.

use serde_json::Value;
use tempfile::tempdir;

use crate::common::{failure, runner, success};

#[test]
fn every_shape_of_a_network_is_right_on_the_cpu() {
    let folder = tempdir().unwrap();
    let doctor = |more: &[&str]| {
        let mut command = runner(folder.path());
        command.args(["doctor", "--device", "cpu", "--size", "16", "--batch", "2"]).args(more);
        success(command)
    };
    let result: Value = serde_json::from_str(&doctor(&["--json"])).unwrap();
    assert_eq!(result["device"]["choice"], "cpu");
    let devices = result["machine"]["devices"].as_array().unwrap();
    assert_eq!(devices.last().unwrap(), &result["device"]);
    assert!(result["machine"]["threads"].as_u64().unwrap() > 0);
    let shapes = result["shapes"].as_array().unwrap();
    // The stem, the pooling, a kind of block convolution in the first stage, three in each other stage with that on the way
    // around, and the linear layer.
    assert_eq!(shapes.len(), 13, "{shapes:?}");
    let layers: u64 = shapes.iter().map(|shape| shape["layers"].as_u64().unwrap()).sum();
    assert_eq!(layers, 20 + 1 + 1, "20 convolutions, the pooling and the linear layer");
    for shape in shapes {
        assert_eq!(shape["is_right"], true, "{shape}");
        assert!(shape["backward"].as_f64().unwrap() < 1e-4, "{shape}");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing is written");

    let text = doctor(&["--arch", "fixup_resnet18"]);
    for part in
        ["GPU features built in: ", "CUBECL_AUTOTUNE_LEVEL", "checked on cpu", "layer4.0.conv2", "right"]
    {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(!text.contains("WRONG"), "{text}");
}

#[test]
fn what_cannot_be_computed_on_is_a_sentence() {
    let folder = tempdir().unwrap();
    let doctor = |device: &str| {
        let mut command = runner(folder.path());
        command.args(["doctor", "--device", device, "--size", "16", "--batch", "1"]);
        command
    };
    failure(doctor("gpu"), 2, &["unknown device gpu", "cuda:1"]);
    failure(doctor("cuda:-1"), 2, &["unknown device cuda:-1"]);
    let mut list = doctor("cpu");
    list.arg("--json");
    let list: Value = serde_json::from_str(&success(list)).unwrap();
    let features = list["machine"]["features"].as_array().unwrap();
    for (feature, device) in [("cuda", "cuda:99"), ("vulkan", "vulkan:99")] {
        if features.iter().any(|built| built == feature) {
            failure(doctor(device), 1, &["there is no device", device, "--device", "cpu"]);
        } else {
            failure(doctor(device), 2, &["this build has no", &format!("--features {feature}"), "cpu"]);
        }
    }
    let mut wrong = doctor("cpu");
    wrong.args(["--arch", "resnet19"]);
    failure(wrong, 2, &["unknown architecture resnet19", "resnet18"]);
}

/// Where wgpu is built in, this needs a GPU; Mesa's software Vulkan, Debian's package mesa-vulkan-drivers, is one.
#[test]
fn a_gpu_computes_what_the_cpu_does() {
    let folder = tempdir().unwrap();
    let doctor = |more: &[&str]| {
        let mut command = runner(folder.path());
        // A software GPU takes seconds to measure a kernel.
        command.env("CUBECL_AUTOTUNE_LEVEL", "minimal");
        command.args(["doctor", "--json", "--size", "4", "--batch", "1"]).args(more);
        command
    };
    let list: Value = serde_json::from_str(&success(doctor(&["--device", "cpu"]))).unwrap();
    if !list["machine"]["features"].as_array().unwrap().iter().any(|built| built == "wgpu") {
        failure(doctor(&["--device", "wgpu"]), 2, &["this build has no wgpu", "--features wgpu"]);
        return;
    }
    let result: Value = serde_json::from_str(&success(doctor(&["--device", "wgpu"]))).unwrap();
    assert_eq!(result["device"]["choice"], "wgpu");
    let shapes = result["shapes"].as_array().unwrap();
    assert!(!shapes.is_empty(), "{result}");
    for shape in shapes {
        assert_eq!(shape["is_right"], true, "{shape}");
    }
}
