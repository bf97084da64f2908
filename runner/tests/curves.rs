//! Curves and sweeps over finished runs.

use serde_json::Value;

use crate::common::*;

#[test]
fn runs_and_their_replicates_are_drawn_and_what_is_not_there_is_said() {
    let here = folder();
    success(train(here.path(), &[]));
    success(train(here.path(), &["--replicate", "1"]));
    let command = |arguments: &[&str]| {
        let mut command = runner(here.path());
        command.args(arguments);
        command
    };
    let text = success(command(&["curves", "^demo/Shapes_photo/"]));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("key") && lines[1].starts_with(KEY) && lines[1].contains(" ± "), "{text}");
    let written = lines[lines.len() - 1].strip_prefix("written to ").unwrap();
    assert!(written.starts_with("experiments/analysis/curves/eval-test_acc-"), "{written}");
    for file in ["result.json", "table.csv", "curves.svg", "curves.png", "curves.csv"] {
        assert!(here.path().join(written).join(file).is_file(), "{file}");
    }

    let json: Value =
        serde_json::from_str(&success(command(&["curves", KEY, "--tag", "eval/test_loss", "--json"])))
            .unwrap();
    let metrics = |base: &str| -> f64 {
        let text = std::fs::read_to_string(here.path().join(base).join(KEY).join("metrics.jsonl")).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        last["eval/test_loss"].as_f64().unwrap()
    };
    let mean = (metrics("experiments") + metrics("experiments-rep1")) / 2.0;
    assert_eq!(json["curves"][0]["points"]["2"]["mean"], Value::from(mean));

    let text = success(command(&["shuffles", KEY, "-o", "shuffles"]));
    assert!(text.contains("Shapes_photo     32  -") && text.contains("--rate fixes one"), "{text}");
    assert!(here.path().join("shuffles/Shapes_photo-test.png").is_file());

    failure(command(&["pretraining", KEY]), 2, &["numbered epoch", "ckpt-E030"]);
    failure(command(&["pretraining"]), 3, &["^finetune_ckpt/", "experiments-repN", "77 more"]);
    failure(command(&["curves", "demo", "-b", "elsewhere"]), 3, &["elsewhere", "-b"]);
    failure(command(&["curves", "demo("]), 2, &["demo( is not a regular expression"]);
}
