//! Linear probes and nearest neighbours of a run's checkpoints, their features as files, and training from a probe.

use std::path::Path;
use std::process::Command;

use basin_core::checkpoint::{Checkpoint, Reader};
use serde_json::Value;

use crate::common::*;

/// The checkpoints before and after training.
const FIRST: &str = "experiments/tiny/first/checkpoints/ckpt-E000.safetensors";
const LAST: &str = "experiments/tiny/first/checkpoints/ckpt-E001.safetensors";
/// Ten training images and four test images of each of ten classes.
const IMAGES: [&str; 4] =
    ["--set", "data.configs.train_per_class=10", "--set", "data.configs.test_per_class=4"];

/// Trains a key of the smallest.
fn trained(folder: &Path) {
    tiny_families(folder);
    success(tiny(folder, &[&["-k", "tiny/first"], &IMAGES[..]].concat()));
}

fn probe(folder: &Path, more: &[&str]) -> Command {
    let mut command = runner(folder);
    let settings = ["--strengths", "1e-2:1e4:4", "--neighbours", "5"];
    command.args(["probe", FIRST, LAST]).args(settings).args(more);
    command
}

/// The results of both networks, and what was said while they were made.
#[track_caller]
fn results(mut command: Command) -> (Vec<Value>, String) {
    let output = command.arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = String::from_utf8_lossy(&output.stdout);
    (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), stderr(&output))
}

#[test]
fn features_are_computed_once_and_probed_in_several_ways() {
    let here = folder();
    trained(here.path());
    let (first, said) = results(probe(here.path(), &["--modules", "layer2,avgpool"]));
    assert!(!said.contains("images taken from"), "{said}");
    assert_eq!(first.len(), 2);
    for result in &first {
        let modules = result["modules"].as_array().unwrap();
        let names: Vec<&str> = modules.iter().map(|module| module["module"].as_str().unwrap()).collect();
        assert_eq!(names, ["layer2", "avgpool"]);
        for module in modules {
            let tried = module["tried"].as_array().unwrap();
            let held_out = |tried: &Value| tried["held_out"]["percent"].as_f64().unwrap();
            let best = tried.iter().map(held_out).fold(0.0, f64::max);
            let chosen = tried.iter().find(|tried| tried["strength"] == module["strength"]).unwrap();
            assert_eq!((tried.len(), held_out(chosen)), (4, best));
            // Of ten images of each class, two are held out.
            assert_eq!(chosen["held_out"]["images"], 20);
            for accuracy in [&module["linear"], &module["neighbours"]] {
                assert_eq!(accuracy["images"], 40);
                let [low, high] = [0, 1].map(|end| accuracy["interval"][end].as_f64().unwrap());
                let percent = accuracy["percent"].as_f64().unwrap();
                assert!(low <= percent && percent <= high, "{accuracy}");
            }
        }
    }

    // Other settings need no pass over the images, and a probe that is there is not fitted again.
    let (other, said) = results(probe(here.path(), &["--modules", "avgpool", "--temperature", "0.5"]));
    assert_eq!(said.matches("100 images taken from").count(), 2, "{said}");
    assert_eq!(said.matches(" 40 images taken from").count(), 2, "{said}");
    assert_eq!(other[1]["modules"][0]["linear"], first[1]["modules"][1]["linear"]);
    let (again, said) = results(probe(here.path(), &["--modules", "layer2"]));
    assert!(said.is_empty() && again[0]["modules"][0] == first[0]["modules"][0], "{said}");

    let printed = success(probe(here.path(), &["--modules", "layer2,avgpool"]));
    assert!(printed.contains("kNN test accuracy %") && printed.contains("together: "), "{printed}");
    let together = printed.lines().find_map(|line| line.strip_prefix("together: ")).unwrap();
    for file in ["modules.csv", "accuracy.svg", "strengths.png", "strengths.csv"] {
        assert!(here.path().join(together).join(file).is_file(), "{file}");
    }
}

#[test]
fn features_are_written_for_other_programs() {
    let here = folder();
    trained(here.path());
    let features = |more: &[&str]| {
        let mut command = runner(here.path());
        command.args(["features", LAST]).args(more);
        command
    };
    let printed = success(features(&["-o", "all.safetensors", "--modules", "layer3,avgpool"]));
    assert!(printed.contains("avgpool: 40 images x 512 features"), "{printed}");
    let reader = Reader::open(&here.path().join("all.safetensors")).unwrap();
    let shapes: Vec<_> =
        reader.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.shape.clone())).collect();
    let expected = [("layer3", vec![40, 256]), ("avgpool", vec![40, 512]), ("labels", vec![40])];
    assert_eq!(shapes, expected);
    let labels = reader.values(2).unwrap();
    assert!(labels.iter().enumerate().all(|(sample, label)| *label == (sample % 10) as f32));
    let ids: Vec<&str> = reader.metadata["ids"].lines().collect();
    assert!(ids.len() == 40 && ids[0].starts_with("photo/test/"), "{ids:?}");

    let output = features(&["-o", "head.npz"]).output().unwrap();
    assert!(
        output.status.success() && stderr(&output).contains("40 images taken from"),
        "{}",
        stderr(&output)
    );
    let mut archive =
        zip::ZipArchive::new(std::fs::File::open(here.path().join("head.npz")).unwrap()).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut archive.by_name("avgpool.npy").unwrap(), &mut bytes).unwrap();
    let values: Vec<u8> = reader.values(1).unwrap().iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(bytes[128..], values);
    assert!(archive.by_name("ids.npy").is_ok() && archive.by_name("labels.npy").is_ok());

    failure(features(&["-o", "head.npz"]), 2, &["head.npz is there already", "--force"]);
    let before = std::fs::read(here.path().join("head.npz")).unwrap();
    success(features(&["-o", "head.npz", "--force"]));
    assert!(std::fs::read(here.path().join("head.npz")).unwrap() == before);
    failure(features(&["-o", "head.csv"]), 2, &["head.csv names no format", ".npz or .safetensors"]);
    failure(features(&["-o", "a.npz", "--modules", "layr4"]), 2, &["no module layr4", "layer4"]);
    failure(features(&["-o", "a.npz", "--tokens", "class"]), 2, &["no class token", "--tokens"]);
}

#[test]
fn what_cannot_be_probed_is_refused() {
    let here = folder();
    trained(here.path());
    let fails = |more: &[&str], parts: &[&str]| failure(probe(here.path(), more), 2, parts);
    fails(&["--modules", "layr4"], &["no module layr4", "nearest are layer4"]);
    fails(&["--tokens", "class"], &["no class token"]);
    fails(&["--train-samples", "8"], &["class ", "has none of the 8 training images", "--train-samples"]);
    fails(&["--train-samples", "30"], &["holds out none of 30 training images"]);
    fails(&["--held-out", "1"], &["held out is 1", "between 0 and 1"]);
    fails(&["--temperature", "0"], &["--temperature is 0"]);
    let alone = |more: [&str; 2]| {
        let mut command = runner(here.path());
        command.args(["probe", LAST]).args(more);
        command
    };
    failure(
        alone(["--neighbours", "101"]),
        2,
        &["--neighbours is 101", "100 training images", "from 1 to 100"],
    );
    failure(alone(["--strengths", "0:1:3"]), 2, &["0:1:3", "greater than 0"]);
    assert!(!here.path().join("experiments/tiny/first/analysis").exists(), "nothing is written");

    let path = here.path().join(LAST);
    let mut broken = Checkpoint::load(&path).unwrap();
    for tensor in broken.state.tensors.iter_mut().filter(|tensor| tensor.name.starts_with("layer2.0.")) {
        tensor.data.iter_mut().for_each(|value| *value = *value * 1e30 + 1.0);
    }
    broken.save(&path).unwrap();
    failure(probe(here.path(), &[]), 4, &["features of avgpool", "not finite for photo/train/"]);
}

#[test]
fn fine_tuning_goes_on_from_a_probe_whose_accuracy_is_that_of_epoch_0() {
    let here = folder();
    trained(here.path());
    let tuned = |more: &[&str]| {
        let start = ["-k", "tiny/tuned/clipart", "-w", "tuned"];
        tiny(here.path(), &[&start[..], &IMAGES[..], more].concat())
    };
    let output = tuned(&["--set", "train.head=probed"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("the head starts as a linear probe of 100 training images")
            && stderr(&output).contains("new: fc.weight, fc.bias; left out of the file: fc.weight, fc.bias"),
        "{}",
        stderr(&output)
    );

    let mut command = runner(here.path());
    command.args(["probe", "tuned/checkpoints/ckpt-E000.safetensors"]);
    let probed = &results(command).0[0]["modules"][0]["linear"];
    let mut command = runner(here.path());
    command.args([
        "accuracy",
        "tuned/checkpoints/ckpt-E000.safetensors",
        "tuned/checkpoints/ckpt-E001.safetensors",
    ]);
    command.args(["--on", "Shapes_line", "--names", "LP,LP-FT"]);
    let printed = success(command);
    let row = |start: [&str; 2]| {
        let words = printed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let found = words.into_iter().find(|words| words.starts_with(&start));
        found.unwrap_or_else(|| panic!("{start:?} in {printed}"))[2].parse::<f64>().unwrap()
    };
    assert_eq!(row(["LP", "Shapes_clipart"]), probed["percent"].as_f64().unwrap());
    assert!(row(["LP-FT", "Shapes_line"]) >= 0.0);

    failure(tuned(&["--set", "train.head=probd"]), 2, &["train.head", "probd"]);
    let scratch = ["--set", "train.head=probed", "--set", "train.finetune_from=null", "--force"];
    failure(tuned(&scratch), 2, &["train.head is probed", "train.finetune_from"]);
    let mut other = runner(here.path());
    other.args(["accuracy", "tuned/checkpoints/ckpt-E001.safetensors", "--on", "Shapes_lines"]);
    failure(other, 2, &["Shapes_line"]);
}

#[test]
fn a_head_is_kept_where_the_classes_are_the_same() {
    let here = folder();
    trained(here.path());
    let kept = |more: &[&str]| {
        let start = ["-k", "tiny/tuned/clipart", "-w", "kept", "--set", "train.head=kept"];
        tiny(here.path(), &[&start[..], &IMAGES[..], more].concat())
    };
    let output = kept(&[]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("new: nothing; left out of the file: nothing"), "{}", stderr(&output));
    let load = |name: &str| Checkpoint::load(&here.path().join(name)).unwrap();
    let pretrained = load(LAST);
    assert!(load("kept/checkpoints/ckpt-E000.safetensors").state == pretrained.state);
    assert!(load("kept/checkpoints/ckpt-E001.safetensors").state != pretrained.state);

    let mut other = pretrained;
    for tensor in &mut other.state.tensors {
        if tensor.shape[0] == 10 && tensor.shape.len() < 3 {
            tensor.shape[0] = 9;
            let length = tensor.shape.iter().product();
            tensor.data.truncate(length);
        }
    }
    other.save(&here.path().join("nine.safetensors")).unwrap();
    let nine = ["--set", "train.finetune_from=nine.safetensors", "--force"];
    failure(kept(&nine), 3, &["nine.safetensors does not fit", "instead of [10", "train.head=drawn"]);
}
