//! Folders that the reference wrote: recognised, read, left alone, and gone on with where that is asked for.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use basin_core::checkpoint::{Checkpoint, NamedTensor};
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::common::*;

const TWO: [&str; 2] = ["--set", "train.epochs=2"];

/// What the reference's training saves after an epoch: weights, the best accuracy, and the optimizer's momentum by number.
fn save_as_reference(path: &Path, epoch: u8, weights: &[NamedTensor], momentum: &[NamedTensor]) {
    let mut pickle = Pickle { bytes: b"\x80\x02}(".to_vec(), storages: Vec::new() };
    pickle.text("epoch");
    pickle.bytes.extend([b'K', epoch]);
    pickle.text("state_dict");
    pickle.bytes.extend(b"}(");
    for tensor in weights {
        pickle.text(&format!("module.{}", tensor.name));
        pickle.tensor(tensor);
    }
    pickle.bytes.push(b'u');
    pickle.text("best_acc1");
    pickle.bytes.push(b'G');
    pickle.bytes.extend(12.5f64.to_be_bytes());
    pickle.text("optimizer");
    pickle.bytes.extend(b"}(");
    pickle.text("state");
    pickle.bytes.extend(b"}(");
    for (number, tensor) in momentum.iter().enumerate() {
        pickle.bytes.push(b'K');
        pickle.bytes.push(number as u8);
        pickle.bytes.extend(b"}(");
        pickle.text("momentum_buffer");
        pickle.tensor(tensor);
        pickle.bytes.push(b'u');
    }
    pickle.bytes.push(b'u');
    pickle.text("param_groups");
    pickle.bytes.extend(b"]uu.");

    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    zip.start_file("archive/data.pkl", stored).unwrap();
    zip.write_all(&pickle.bytes).unwrap();
    for (number, values) in pickle.storages.iter().enumerate() {
        zip.start_file(format!("archive/data/{number}"), stored).unwrap();
        zip.write_all(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    }
    zip.finish().unwrap();
}

struct Pickle {
    bytes: Vec<u8>,
    storages: Vec<Vec<f32>>,
}

impl Pickle {
    fn text(&mut self, text: &str) {
        self.bytes.push(b'X');
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    fn integers(&mut self, numbers: impl IntoIterator<Item = usize>) {
        self.bytes.push(b'(');
        for number in numbers {
            self.bytes.push(b'J');
            self.bytes.extend((number as i32).to_le_bytes());
        }
        self.bytes.push(b't');
    }

    fn tensor(&mut self, tensor: &NamedTensor) {
        let key = self.storages.len().to_string();
        self.bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        self.text("storage");
        self.bytes.extend(b"ctorch\nFloatStorage\n");
        self.text(&key);
        self.text("cuda:0");
        self.bytes.push(b'J');
        self.bytes.extend((tensor.data.len() as i32).to_le_bytes());
        self.bytes.extend(b"tQK\0");
        self.integers(tensor.shape.iter().copied());
        let strides = (0..tensor.shape.len()).map(|axis| tensor.shape[axis + 1..].iter().product());
        self.integers(strides);
        self.bytes.extend(b"\x89}tR");
        self.storages.push(tensor.data.clone());
    }
}

/// A base folder with a run of one epoch as the reference would have left it, and the folder of the same run of ours.
fn of_reference(here: &Path) -> (PathBuf, PathBuf) {
    success(train(here, &["-b", "ours", "--set", "train.epochs=1"]));
    let ours = here.join("ours").join(KEY);
    let load = |name: &str| Checkpoint::load(&ours.join("checkpoints").join(name)).unwrap().state.tensors;
    let mut momentum: Vec<NamedTensor> = load("resume.safetensors")
        .into_iter()
        .filter_map(|tensor| {
            let name = tensor.name.strip_prefix("momentum.")?.to_owned();
            Some(NamedTensor { name, ..tensor })
        })
        .collect();
    // Biases, scales, and all else, each in the network's order.
    momentum.sort_by_key(|tensor| match &*tensor.name {
        name if name.contains("bias") => 0,
        name if name.contains("scale") => 1,
        _ => 2,
    });
    let theirs = here.join("experiments").join(KEY);
    fs::create_dir_all(theirs.join("checkpoints")).unwrap();
    for epoch in [0, 1] {
        let path = theirs.join(format!("checkpoints/ckpt-E00{epoch}.pth.tar"));
        let momentum = if epoch == 0 { &[][..] } else { &momentum };
        save_as_reference(&path, epoch, &load(&format!("ckpt-E00{epoch}.safetensors")), momentum);
    }
    let best = Checkpoint::load(&ours.join("checkpoints/ckpt-best.safetensors")).unwrap();
    let best_epoch = best.metadata["epoch"].parse().unwrap();
    save_as_reference(&theirs.join("checkpoints/ckpt-best.pth.tar"), best_epoch, &best.state.tensors, &[]);
    fs::create_dir(theirs.join("train_tensorboard")).unwrap();
    for entry in fs::read_dir(ours.join("train_tensorboard")).unwrap() {
        let file = entry.unwrap();
        fs::copy(file.path(), theirs.join("train_tensorboard").join(file.file_name())).unwrap();
    }
    (theirs, ours)
}

fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            // What locks a folder is no part of it.
            false if path.ends_with(".lock") => {}
            false => found.push((path.clone(), fs::metadata(&path).unwrap().len())),
        }
    }
    found.sort();
    found
}

fn status(here: &Path, epochs: &str) -> Value {
    let mut command = runner(here);
    command.args(["status", KEY, "--json"]);
    for setting in SMALL.into_iter().chain([epochs]) {
        command.args(["--set", setting]);
    }
    serde_json::from_str::<Value>(&success(command)).unwrap()["runs"][0].clone()
}

#[test]
fn a_run_of_the_reference_is_known_read_and_left_alone() {
    let here = folder();
    let (theirs, _) = of_reference(here.path());
    let before = files(&theirs);

    let run = status(here.path(), "train.epochs=1");
    assert_eq!((&run["state"], &run["epoch"]), (&"done".into(), &1.into()));
    let output = train(here.path(), &["--set", "train.epochs=1"]).output().unwrap();
    assert!(output.status.success() && stderr(&output).contains("trained already"), "{}", stderr(&output));

    let run = status(here.path(), "train.epochs=2");
    assert_eq!((&run["state"], &run["epoch"], &run["epochs"]), (&"refused".into(), &1.into(), &2.into()));
    failure(
        train(here.path(), &TWO),
        2,
        &["the reference wrote", "epoch 1 of 2", "--adopt", "--force", "-w"],
    );

    // The key is found in the path.
    let last = theirs.join("checkpoints/ckpt-E001.pth.tar");
    let mut eval = runner(here.path());
    eval.arg("eval").arg(&last).args(["--samples", "40", "--json", "--set", SMALL[0]]);
    let result: Value = serde_json::from_str(&success(eval)).unwrap();
    assert!(result.to_string().contains("accuracy"), "{result}");
    assert_eq!(files(&theirs), before);

    // A last checkpoint that was cut off ends no run.
    let bytes = std::fs::read(&last).unwrap();
    std::fs::write(&last, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(status(here.path(), "train.epochs=1")["state"], "refused");
    failure(train(here.path(), &["--set", "train.epochs=1"]), 3, &["ckpt-E001.pth.tar"]);
    std::fs::write(&last, &bytes).unwrap();

    success(train(here.path(), &["--set", "train.epochs=1", "--force"]));
    assert_eq!(files(&theirs.with_file_name("pretrain.old-1")).len(), before.len());
    assert!(theirs.join("run.ron").is_file());
}

#[test]
fn a_run_of_the_reference_goes_on_as_if_it_had_been_ours() {
    let here = folder();
    let (theirs, ours) = of_reference(here.path());
    let output = train(here.path(), &[&TWO[..], &["--adopt"]].concat()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("the order of images"), "{}", stderr(&output));
    success(train(here.path(), &[&TWO[..], &["-b", "ours"]].concat()));

    let last = |run: &Path| Checkpoint::load(&run.join("checkpoints/ckpt-E002.safetensors")).unwrap();
    assert!(last(&theirs) == last(&ours), "the networks differ");
    let metrics = |run: &Path| {
        let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let evaluated = lines.filter(|line| line["eval/test_acc"].is_number());
        evaluated.map(|line| (line["epoch"].clone(), line["eval/test_acc"].clone())).collect::<Vec<_>>()
    };
    let (adopted, own) = (metrics(&theirs), metrics(&ours));
    assert_eq!(adopted.len(), 3);
    for (one, two) in adopted.iter().zip(&own) {
        assert_eq!(one.0, two.0);
        assert!((one.1.as_f64().unwrap() - two.1.as_f64().unwrap()).abs() < 1e-4, "{one:?} {two:?}");
    }
    assert_eq!(status(here.path(), "train.epochs=2")["state"], "done");
}

#[test]
fn parameters_without_momentum_are_told() {
    let here = folder();
    let (theirs, ours) = of_reference(here.path());
    let last = theirs.join("checkpoints/ckpt-E001.pth.tar");
    let weights = Checkpoint::load(&ours.join("checkpoints/ckpt-E001.safetensors")).unwrap().state.tensors;
    save_as_reference(&last, 1, &weights, &[]);
    failure(train(here.path(), &[&TWO[..], &["--adopt"]].concat()), 3, &["ckpt-E001.pth.tar"]);
    let resume = Checkpoint::load(&ours.join("checkpoints/resume.safetensors")).unwrap().state.tensors;
    let first = resume
        .into_iter()
        .find(|tensor| tensor.name.starts_with("momentum.") && tensor.name.contains("bias"));
    save_as_reference(&last, 1, &weights, &[first.unwrap()]);
    let output = train(here.path(), &[&TWO[..], &["--adopt"]].concat()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("has no momentum for"), "{}", stderr(&output));
}
