//! Which mistakes networks share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use basin_core::checkpoint::{Checkpoint, NamedTensor, StateDict};
use serde_json::Value;

use crate::common::*;

fn mistakes(folder: &Path, files: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut command = runner(folder);
    command.arg("mistakes").args(files);
    command
}

fn json(mut command: Command) -> Value {
    command.arg("--json");
    serde_json::from_str(&success(command)).unwrap()
}

/// The folder that the command says it has written to.
fn written_to(folder: &Path, printed: &str) -> PathBuf {
    folder.join(printed.lines().last().unwrap().strip_prefix("written to ").unwrap())
}

/// Predictions that were not computed: a label, an id and logits for each sample.
fn write(path: &Path, data: &str, samples: &[(&str, f32, Vec<f32>)]) {
    let count = samples.len();
    let tensor =
        |name: &str, shape: Vec<usize>, data: Vec<f32>| NamedTensor { name: name.into(), shape, data };
    let outputs = samples.first().map_or(2, |sample| sample.2.len());
    let logits = samples.iter().flat_map(|sample| sample.2.clone()).collect();
    let tensors = vec![
        tensor("logits", vec![count, outputs], logits),
        tensor("loss", vec![count], vec![0.5; count]),
        tensor("label", vec![count], samples.iter().map(|sample| sample.1).collect()),
    ];
    let ids = samples.iter().map(|sample| sample.0).collect::<Vec<_>>().join("\n");
    let metadata =
        BTreeMap::from([("data", data), ("split", "test"), ("ids", &ids)].map(|(k, v)| (k.into(), v.into())));
    Checkpoint { state: StateDict { tensors }, metadata }.save(path).unwrap();
}

#[test]
fn the_mistakes_of_two_runs_are_counted_listed_and_shown() {
    let here = folder();
    let path = here.path();
    success(train(path, &[]));
    success(train(path, &["--replicate", "1"]));
    let stored =
        ["experiments", "experiments-rep1"].map(|base| format!("{base}/{KEY}/predictions/last.safetensors"));
    let result = json(mistakes(path, &stored));
    let all = &result["pairs"][0]["all"];
    let count = |name: &str| all["counts"][name].as_u64().unwrap();
    let (g1, g2, g3) = (count("only_one_wrong"), count("only_two_wrong"), count("both_wrong"));
    assert_eq!(count("both_right") + g1 + g2 + g3, 80);
    // Each network's errors are those that its run has measured.
    for (base, wrong) in [("experiments", g1 + g3), ("experiments-rep1", g2 + g3)] {
        let metrics = std::fs::read_to_string(path.join(base).join(KEY).join("metrics.jsonl")).unwrap();
        let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
        let accuracy = last["eval/test_acc"].as_f64().unwrap();
        assert_eq!((0.8 * (100.0 - accuracy)).round() as u64, wrong, "{base}");
    }
    let uncommon = all["uncommon"]["value"].as_f64().unwrap();
    assert!((uncommon - (g1 + g2) as f64 / (g1 + g2 + g3) as f64).abs() < 1e-12);
    assert!(all["uncommon"]["error"].as_f64().unwrap() > 0.0);
    assert_eq!(result["networks"][1]["name"], "experiments-rep1");
    let classes = result["pairs"][0]["parts"].as_array().unwrap();
    assert_eq!((classes.len(), &classes[0]["name"]), (10, &Value::from("arrow")));
    let summed: u64 = classes.iter().map(|class| class["counts"]["both_wrong"].as_u64().unwrap()).sum();
    assert_eq!(summed, g3);

    // Lists, figures and images lie beside the result.
    let output = success(mistakes(path, &stored));
    assert!(output.contains("only 1st wrong (g1)") && output.contains("arrow"), "{output}");
    let folder = written_to(path, &output);
    let list = std::fs::read_to_string(folder.join("samples-1-2.csv")).unwrap();
    assert_eq!(list.lines().count(), 81);
    assert_eq!(
        list.lines().filter(|line| line.starts_with("class,both_wrong,photo/test/")).count(),
        g3 as usize
    );
    for file in
        ["result.json", "table-pairs.csv", "table-parts.csv", "mistakes.svg", "mistakes.png", "parts-1-2.csv"]
    {
        assert!(folder.join(file).is_file(), "no {file}");
    }
    let sheet = image::open(folder.join("examples-1-2-class.png")).unwrap();
    assert!(sheet.width() > 8 * 224 && sheet.height() > 3 * 224);
    let first = std::fs::read(folder.join("examples-1-2-class.png")).unwrap();
    success(mistakes(path, &stored));
    assert!(
        first == std::fs::read(folder.join("examples-1-2-class.png")).unwrap(),
        "a sheet is not always the same"
    );

    // Checkpoints lead to the same predictions, or are measured; every two of three are compared.
    let two = format!("experiments-rep1/{KEY}/checkpoints/ckpt-E002.safetensors");
    let names = ["--names", "P-T,RI-T,start", "--examples", "0"];
    let start = format!("experiments/{KEY}/checkpoints/ckpt-E000.safetensors");
    let mut command = mistakes(path, &[&stored[0], &two, &start]);
    command.args(names);
    let three = json(command);
    assert_eq!(
        three["networks"][1]["predictions"]["path"].as_str().map(|file| file.ends_with("last.safetensors")),
        Some(true)
    );
    assert_eq!(three["pairs"][0]["all"], *all);
    let pairs: Vec<(u64, u64)> = three["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair["one"].as_u64().unwrap(), pair["two"].as_u64().unwrap()))
        .collect();
    assert_eq!(pairs, [(0, 1), (0, 2), (1, 2)]);
    assert!(path.join("experiments").join(KEY).join("predictions/ckpt-E000.safetensors").is_file());

    // A network compared with itself makes no mistake alone.
    let same = json(mistakes(path, &[&stored[0], &stored[0]]));
    let all = &same["pairs"][0]["all"];
    assert_eq!(
        (&all["uncommon"]["value"], &all["agreement"]["value"]),
        (&Value::from(0.0), &Value::from(1.0))
    );
    assert_eq!(all["kappa_of_correctness"]["value"], 1.0);
}

#[test]
fn findings_are_compared_one_by_one_and_together_and_samples_matched_by_id() {
    let here = folder();
    let path = here.path();
    // Bit k of the label is finding k; a logit of zero says that it is there.
    write(
        &path.join("one.safetensors"),
        "CheXpert",
        &[("a", 1.0, vec![1.0, -1.0, -1.0, -1.0, -1.0]), ("b", 2.0, vec![-1.0, 0.0, 2.0, -1.0, -1.0])],
    );
    write(
        &path.join("two.safetensors"),
        "CheXpert",
        &[("b", 2.0, vec![-1.0, -1.0, 1.0, -1.0, 3.0]), ("a", 1.0, vec![2.0, -1.0, -1.0, -1.0, -1.0])],
    );
    let command = mistakes(path, &["one.safetensors", "two.safetensors"]);
    let result = json(command);
    let pair = &result["pairs"][0];
    let counts = |comparison: &Value| {
        ["both_right", "only_one_wrong", "only_two_wrong", "both_wrong", "same_answer"]
            .map(|name| comparison["counts"][name].as_u64().unwrap())
    };
    assert_eq!(counts(&pair["all"]), [7, 0, 2, 1, 1]);
    let names: Vec<&str> =
        pair["parts"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion"]);
    assert_eq!(counts(&pair["parts"][1]), [1, 0, 1, 0, 0]);
    assert_eq!(counts(&pair["parts"][2]), [1, 0, 0, 1, 1]);
    let output = mistakes(path, &["one.safetensors", "two.safetensors"]).output().unwrap();
    assert!(stderr(&output).contains("no contact sheet: ") && stderr(&output).contains("-k KEY"));
}

#[test]
fn predictions_that_cannot_be_compared_get_one_sentence() {
    let here = folder();
    let path = here.path();
    let file = |name: &str, samples: &[(&str, f32, Vec<f32>)]| {
        write(&path.join(name), "Shapes_photo", samples);
    };
    let row = || vec![1.0, 0.0];
    file("ok.safetensors", &[("a", 0.0, row()), ("b", 1.0, row()), ("c", 1.0, row())]);
    file("others.safetensors", &[("a", 0.0, row()), ("x", 1.0, row()), ("y", 1.0, row())]);
    file("more.safetensors", &[("a", 0.0, row()), ("b", 1.0, row()), ("c", 1.0, row()), ("d", 1.0, row())]);
    file("labels.safetensors", &[("a", 0.0, row()), ("b", 0.0, row()), ("c", 1.0, row())]);
    file(
        "outputs.safetensors",
        &[("a", 0.0, vec![0.0; 3]), ("b", 1.0, vec![0.0; 3]), ("c", 1.0, vec![0.0; 3])],
    );
    file("nan.safetensors", &[("a", 0.0, row()), ("b", 1.0, vec![f32::NAN, 0.0]), ("c", 1.0, row())]);
    file("label.safetensors", &[("a", 7.0, row()), ("b", 1.0, row()), ("c", 1.0, row())]);
    file("empty.safetensors", &[]);
    let whole = std::fs::read(path.join("ok.safetensors")).unwrap();
    std::fs::write(path.join("cut.safetensors"), &whole[..whole.len() - 9]).unwrap();
    std::fs::write(path.join("text.safetensors"), "no predictions").unwrap();
    let check = |name: &str, code: i32, parts: &[&str]| {
        failure(mistakes(path, &["ok.safetensors", name]), code, parts);
        assert!(!path.join("experiments").exists(), "{name} left something behind");
    };
    check(
        "others.safetensors",
        3,
        &["2 of the 3 samples of others.safetensors", "such as x", "ok.safetensors"],
    );
    check("more.safetensors", 3, &["1 of the 4 samples of more.safetensors", "such as d"]);
    check("labels.safetensors", 3, &["the label of b is 1 in ok.safetensors and 0 in labels.safetensors"]);
    check("outputs.safetensors", 3, &["2 outputs", "outputs.safetensors 3"]);
    check("nan.safetensors", 4, &["nan.safetensors", "of b is not finite"]);
    check("label.safetensors", 3, &["label.safetensors", "a label is 7"]);
    check("empty.safetensors", 3, &["empty.safetensors", "there is no sample"]);
    check("cut.safetensors", 3, &["cut.safetensors", "is not a whole"]);
    check("text.safetensors", 3, &["text.safetensors", "is a text file"]);
    check("nowhere.safetensors", 3, &["nowhere.safetensors", "check the path"]);
    failure(mistakes(path, &["ok.safetensors"]), 2, &["2 values required"]);
    let mut command = mistakes(path, &["ok.safetensors", "more.safetensors"]);
    command.args(["--names", "P-T"]);
    failure(command, 2, &["names"]);

    // A checkpoint that lies in no run needs a key.
    let tensors = vec![NamedTensor { name: "fc.bias".into(), shape: vec![1], data: vec![0.0] }];
    let state = StateDict { tensors };
    Checkpoint { state, metadata: BTreeMap::new() }.save(&path.join("net.safetensors")).unwrap();
    check("net.safetensors", 2, &["net.safetensors lies in no run", "-k KEY"]);
}
