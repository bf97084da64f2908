//! Analyses that look at parameters alone: distances and spectra.

use std::path::Path;
use std::process::Command;

use basin_core::checkpoint::Checkpoint;
use serde_json::Value;

use crate::common::{FIXUP, KEY, checkpoint, failure, folder, runner, stderr, success, train};

fn command(here: &Path, arguments: &[&str]) -> Command {
    let mut command = runner(here);
    command.args(arguments);
    command
}

fn json(here: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&success(command(here, &[arguments, &["--json"]].concat()))).unwrap()
}

/// A checkpoint with one tensor changed.
fn changed(from: &Path, to: &Path, name: &str, change: impl FnOnce(&mut Vec<usize>, &mut Vec<f32>)) {
    let mut checkpoint = Checkpoint::load(from).unwrap();
    let tensor = checkpoint.state.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap();
    change(&mut tensor.shape, &mut tensor.data);
    checkpoint.save(to).unwrap();
}

#[test]
fn spectra_are_written_layer_by_layer_and_compared() {
    let here = folder();
    success(train(here.path(), &FIXUP));
    let [start, end] = ["ckpt-E000", "ckpt-E002"].map(|name| checkpoint(here.path(), name));
    let [start, end] = [&start, &end].map(|path| path.to_str().unwrap());

    let some = json(here.path(), &["spectrum", end, "--layers", "^fc$|layer4.1.conv2"]);
    let names = |spectrum: &Value| -> Vec<String> {
        let layers = spectrum["layers"].as_array().unwrap().iter();
        layers.map(|layer| layer["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&some["spectra"][0]), ["layer4.1.conv2", "fc"]);
    let own = here.path().join(some["folder"].as_str().unwrap());
    let written = |name: &str| std::fs::metadata(own.join("values").join(name)).unwrap().modified().unwrap();
    let first = written("fc.safetensors");

    // The rest is added to what is there.
    let all = json(here.path(), &["spectrum", start, end, "--names", "before,after"]);
    assert_eq!(written("fc.safetensors"), first);
    let stored: Value = serde_json::from_slice(&std::fs::read(own.join("result.json")).unwrap()).unwrap();
    assert_eq!(all["spectra"][1], stored);
    let layers = stored["layers"].as_array().unwrap();
    assert_eq!((layers.len(), &layers[0]["name"]), (21, &Value::from("conv1")));
    let of = |spectrum: &Value, name: &str, key: &str| {
        let mut layers = spectrum["layers"].as_array().unwrap().iter();
        layers.find(|layer| layer["name"] == name).unwrap()[key].clone()
    };
    for layer in layers {
        assert!(layer["sum_of_squares_error"].as_f64().unwrap().abs() < 1e-12, "{layer}");
        assert!(layer["norm"].as_f64() >= layer["smallest"].as_f64(), "{layer}");
    }
    // Images of 32 pixels: 16 after the stem, 8 after its pooling, 1 in the last stage.
    for (name, side, exact_for, wraps) in [
        ("conv1", 32, "circular_padding_and_stride_one", false),
        ("layer1.0.conv1", 8, "circular_padding", false),
        ("layer2.0.downsample", 8, "stride_one", false),
        ("layer4.0.conv2", 1, "circular_padding", true),
        ("fc", 1, "layer", false),
    ] {
        let found = ["side", "exact_for", "wraps"].map(|key| of(&stored, name, key));
        assert_eq!(found, [Value::from(side), Value::from(exact_for), Value::from(wraps)], "{name}");
    }
    assert_eq!(of(&stored, "layer1.0.conv1", "values"), 64 * 8 * 8);
    // The last convolution of a block starts at zero.
    assert_eq!(of(&all["spectra"][0], "layer1.0.conv2", "norm"), 0.0);
    assert_eq!(of(&all["spectra"][0], "layer1.0.conv2", "stable_rank"), Value::Null);

    let compared = here.path().join(all["folder"].as_str().unwrap());
    for figure in ["spectral_norm", "stable_rank", "ranks/layer1.0.conv1", "ranks/fc"] {
        let svg = std::fs::read_to_string(compared.join(format!("{figure}.svg"))).unwrap();
        assert!(svg.contains("before") && svg.contains("after"), "{figure}");
        assert!(
            compared.join(format!("{figure}.png")).is_file()
                && compared.join(format!("{figure}.csv")).is_file()
        );
    }
    // Nothing is computed twice.
    let again = command(here.path(), &["spectrum", end]).output().unwrap();
    assert!(!stderr(&again).contains("decomposing"), "{}", stderr(&again));
    let table = String::from_utf8(again.stdout).unwrap();
    assert!(
        table.contains("kernel larger than its input") && table.contains("circular padding, stride 1"),
        "{table}"
    );
}

#[test]
fn distances_are_of_modules_that_are_shared_and_along_a_run() {
    let here = folder();
    success(train(here.path(), &[FIXUP, ["--set", "train.epochs=3"]].concat()));
    let [start, end] = ["ckpt-E000", "ckpt-E003"].map(|name| checkpoint(here.path(), name));
    let other = here.path().join("other.safetensors");
    changed(&end, &other, "fc.bias", |shape, data| {
        shape[0] = 3;
        data.truncate(3);
    });
    let mut head = Checkpoint::load(&other).unwrap();
    let weight = head.state.tensors.iter_mut().find(|tensor| tensor.name == "fc.weight").unwrap();
    weight.shape[0] = 3;
    weight.data.truncate(3 * weight.shape[1]);
    head.save(&other).unwrap();

    let [start, end, other] = [&start, &end, &other].map(|path| path.to_str().unwrap());
    let result = json(here.path(), &["distance", start, end, other]);
    let pairs = result["result"]["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 3);
    let (same, left_out) = (&pairs[0]["distance"], &pairs[1]["distance"]);
    assert_eq!(
        (same["modules"].as_array().unwrap().len(), left_out["modules"].as_array().unwrap().len()),
        (10, 9)
    );
    assert_eq!(
        (&same["left_out"], &left_out["left_out"][0]),
        (&Value::Array(Vec::new()), &Value::from("fc"))
    );
    assert_eq!(pairs[2]["distance"]["global"]["l2"], 0.0);
    let totals: Vec<f64> = ["sum_of_tensors", "sum_of_modules", "global"]
        .map(|total| same[total]["l2"].as_f64().unwrap())
        .to_vec();
    assert!(totals[0] > totals[1] && totals[1] > totals[2] && totals[2] > 0.0, "{totals:?}");
    let results = here.path().join(result["folder"].as_str().unwrap());
    for file in
        ["result.json", "tensors.csv", "totals.csv", "modules.svg", "global.png", "sum_of_tensors.csv"]
    {
        assert!(results.join(file).is_file(), "{file}");
    }
    let table = success(command(here.path(), &["distance", start, end, other]));
    assert!(table.contains("layer4.1") && table.contains("left out"), "{table}");

    // Another run, tuned from this one.
    let tuned = "demo/Shapes_line/fixup_resnet18/finetune";
    let from = format!("train.finetune_from={KEY}/ckpt-E003");
    let mut tune = command(here.path(), &["-k", tuned, "--set", &from]);
    for setting in [
        "train.epochs=2",
        "train.keep_every=1",
        "data.configs.train_per_class=8",
        "data.configs.test_per_class=4",
    ] {
        tune.args(["--set", setting]);
    }
    success(tune);
    let run = here.path().join("experiments").join(tuned);
    let along = json(here.path(), &["distance", "--trajectory", run.to_str().unwrap()]);
    let steps = along["result"]["steps"].as_array().unwrap();
    let at = |step: usize, from: &str| steps[step][from]["global"]["l2"].as_f64().unwrap();
    assert_eq!(steps.len(), 3);
    assert_eq!((at(0, "start"), at(2, "last")), (0.0, 0.0));
    assert_eq!(at(2, "start"), at(0, "last"));
    assert!(at(1, "start") > 0.0 && at(1, "start") < at(2, "start"));
    // Only the head is new at the start.
    let modules = steps[0]["pretrained"]["modules"].as_array().unwrap();
    assert!(modules.len() > 1 && modules.last().unwrap()["name"] == "fc", "{modules:?}");
    for part in modules {
        assert_eq!(part["l2"].as_f64().unwrap() > 0.0, part["name"] == "fc", "{part}");
    }
    let results = here.path().join(along["folder"].as_str().unwrap());
    assert!(results.starts_with(run.join("analysis")));
    for file in
        ["totals.csv", "global.svg", "modules_start.svg", "modules_pretrained.svg", "modules_last.csv"]
    {
        assert!(results.join(file).is_file(), "{file}");
    }
}

#[test]
fn what_cannot_be_measured_is_said() {
    let here = folder();
    success(train(here.path(), &[FIXUP, ["--set", "train.epochs=1"]].concat()));
    let start = checkpoint(here.path(), "ckpt-E000");
    let path = start.to_str().unwrap();
    failure(
        command(here.path(), &["spectrum", path, "--layers", "layer9"]),
        2,
        &["layers are conv1, layer1.0.conv1"],
    );
    failure(command(here.path(), &["spectrum", path, "--names", "a,b"]), 2, &["2 names for 1 networks"]);
    std::fs::create_dir(here.path().join("begun")).unwrap();
    failure(command(here.path(), &["distance", "--trajectory", "begun"]), 3, &["begun", "epoch 0"]);
    std::fs::copy(&start, here.path().join("begun/ckpt-E000.safetensors")).unwrap();
    failure(command(here.path(), &["distance", "--trajectory", "begun"]), 3, &["begun", "after epoch 0"]);
    failure(command(here.path(), &["distance", "--trajectory", "nowhere"]), 3, &["nowhere"]);

    changed(&start, &here.path().join("nan.safetensors"), "layer3.0.conv1.weight", |_, data| {
        data[7] = f32::NAN
    });
    let not_finite = ["nan.safetensors", "layer3.0.conv1.weight", "NaN"];
    failure(command(here.path(), &["spectrum", "nan.safetensors", "-k", KEY]), 4, &not_finite);
    failure(command(here.path(), &["distance", path, "nan.safetensors"]), 4, &not_finite);

    // Without a run and without words of its own, a checkpoint needs a key.
    let mut bare = Checkpoint::load(&start).unwrap();
    bare.metadata.clear();
    bare.save(&here.path().join("bare.safetensors")).unwrap();
    failure(command(here.path(), &["distance", "bare.safetensors", "bare.safetensors"]), 2, &["-k KEY"]);
    failure(command(here.path(), &["spectrum", "bare.safetensors"]), 2, &["-k KEY"]);
    success(command(here.path(), &["spectrum", "bare.safetensors", "-k", KEY, "--layers", "fc"]));

    bare.metadata.insert("arch".to_owned(), "fixup_resnet34".to_owned());
    bare.save(&here.path().join("other.safetensors")).unwrap();
    failure(
        command(here.path(), &["distance", path, "other.safetensors"]),
        3,
        &["other.safetensors is no fixup_resnet34"],
    );
}
