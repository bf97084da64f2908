//! Update rules, learning rates, penalties and mixup by settings, and families of the user's own.

use std::path::Path;

use basin_core::checkpoint::{Checkpoint, StateDict};
use serde_json::Value;

use crate::common::*;

/// The small run with more settings.
fn with(folder: &Path, settings: &[&str]) -> std::process::Command {
    let options: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    train(folder, &options)
}

/// Trains two epochs at once, and one after the other; returns the numbers of the second epoch.
#[track_caller]
fn resumes_to_the_same_bytes(settings: &[&str]) -> Value {
    let (whole, halves) = (folder(), folder());
    success(with(whole.path(), settings));
    success(with(halves.path(), &[settings, &["train.epochs=1"]].concat()));
    success(with(halves.path(), settings));
    let average = checkpoint(whole.path(), "ckpt-ema").exists().then_some("ckpt-ema");
    for name in ["ckpt-E002", "resume"].into_iter().chain(average) {
        let [one, two] = [&whole, &halves].map(|f| std::fs::read(checkpoint(f.path(), name)).unwrap());
        assert!(one == two, "{settings:?}: {name} differs");
    }
    let text = std::fs::read_to_string(run_folder(whole.path()).join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut merged = serde_json::Map::new();
    lines.filter(|line| line["epoch"] == 2).for_each(|line| merged.extend(line.as_object().unwrap().clone()));
    Value::Object(merged)
}

#[test]
fn each_update_rule_goes_on_where_it_stopped() {
    let nesterov = resumes_to_the_same_bytes(&["optimizer.kwargs.nesterov=true"]);
    assert!(nesterov.get("train/weight_regu_loss").is_none());
    let adam = resumes_to_the_same_bytes(&["optimizer.name=Adam", "optimizer.base_lr=0.001"]);
    let adamw = resumes_to_the_same_bytes(&["optimizer.name=AdamW", "optimizer.base_lr=0.001"]);
    resumes_to_the_same_bytes(&["optimizer.kwargs.dampening=0.5"]);
    assert_ne!(adam["eval/test_loss"], adamw["eval/test_loss"]);
}

#[test]
fn penalties_rates_and_mixup_by_sample_go_on_where_they_stopped() {
    let numbers = resumes_to_the_same_bytes(&[
        FIXUP[1],
        r#"train.weight_regularizers=[{"name":"l2_to_w0","regex":"layer","coef":0.1},{"name":"l2_to_0","regex":"fc","coef":0.01}]"#,
        r#"optimizer.custom_lrs=[["layer4",0.02],["conv1",0.03]]"#,
        "train.mixup_per_sample=true",
    ]);
    let number = |tag: &str| numbers[tag].as_f64().unwrap_or_else(|| panic!("no {tag} in {numbers}"));
    let rates = [0, 1, 2, 3, 4].map(|group| number(&format!("learning_rate/group{group}")));
    assert_eq!(rates, [0.05 * 0.1, 0.05 * 0.1, 0.02, 0.03, 0.05]);
    assert!(
        number("train/weight_regu_loss") > 0.0 && number("train/weight_regu_loss") < number("train/loss")
    );
}

#[test]
fn a_recipe_of_timms_goes_on_where_it_stopped() {
    let recipe = [
        "train.ema_decay=0.9",
        "optimizer.layer_decay=0.5",
        "train.warmup_epochs=2",
        "train.warmup_lr=0.01",
        "optimizer.base_lr=0.05",
    ];
    let numbers = resumes_to_the_same_bytes(&recipe);
    let number = |tag: &str| numbers[tag].as_f64().unwrap_or_else(|| panic!("no {tag} in {numbers}"));
    assert!((number("learning_rate/group2") - 0.03).abs() < 1e-12, "{numbers}");
    assert!(number("eval/ema_test_loss") > 0.0 && number("eval/ema_test_acc") >= 0.0);
    let here = folder();
    let warm_up = with(here.path(), &["train.warmup_lr=0.01"]);
    failure(warm_up, 2, &["train.warmup_lr is 0.01", "train.warmup_epochs"]);
    failure(with(here.path(), &["optimizer.layer_decay=0"]), 2, &["optimizer.layer_decay is 0", "at most 1"]);
}

#[test]
fn an_average_moves_towards_the_weights_and_lower_layers_learn_more_slowly() {
    let here = folder();
    // One step.
    let one = ["train.batch_size=160", "train.epochs=1", "train.ema_decay=0.75", "optimizer.weight_decay=0"];
    success(with(here.path(), &one));
    let load = |name: &str| Checkpoint::load(&checkpoint(here.path(), name)).unwrap().state;
    let [before, after, average] = ["ckpt-E000", "ckpt-E001", "ckpt-ema"].map(load);
    for ((before, after), average) in before.tensors.iter().zip(&after.tensors).zip(&average.tensors) {
        for ((before, after), average) in before.data.iter().zip(&after.data).zip(&average.data) {
            assert!((average - (0.75 * before + 0.25 * after)).abs() < 1e-6);
        }
    }
    let mut command = with(here.path(), &[&one[..], &["optimizer.layer_decay=0.5"]].concat());
    command.args(["-w", "decayed"]);
    success(command);
    let decayed =
        Checkpoint::load(&here.path().join("decayed/checkpoints/ckpt-E001.safetensors")).unwrap().state;
    // Six blocks below the head: all that is before them is seven layers down.
    for (name, factor) in
        [("head.weight", 1.0), ("blocks.5.mlp.fc2.weight", 0.5), ("patch_embed.proj.weight", 0.5_f32.powi(7))]
    {
        let of = |state: &StateDict| state.get(name).unwrap().data.clone();
        let (before, plain, slow) = (of(&before), of(&after), of(&decayed));
        for ((before, plain), slow) in before.iter().zip(plain).zip(slow) {
            assert!((slow - before - factor * (plain - before)).abs() < 1e-6, "{name}");
        }
    }
}

#[test]
fn a_resumed_run_measures_from_its_own_start_and_refuses_other_rules() {
    let here = folder();
    let rule = r#"train.weight_regularizers=[{"name":"l2_to_w0","regex":"blocks","coef":0.1}]"#;
    success(with(here.path(), &[rule, "train.epochs=1"]));
    failure(with(here.path(), &[]), 2, &["train.weight_regularizers: [{", "-> []", "--force"]);
    failure(with(here.path(), &[rule, "optimizer.name=Adam"]), 2, &[r#"optimizer.name: "SGD" -> "Adam""#]);
    std::fs::remove_file(checkpoint(here.path(), "ckpt-E000")).unwrap();
    failure(with(here.path(), &[rule]), 3, &["ckpt-E000.safetensors"]);
}

#[test]
fn settings_out_of_their_range() {
    let here = folder();
    for (settings, parts) in [
        (&["optimizer.name=Adam", "optimizer.kwargs.momentum=0.9"][..], &["momentum", "betas"][..]),
        (&["optimizer.name=Adagrad"], &["Adagrad", "SGD", "Adam", "AdamW"]),
        (&["optimizer.kwargs.dampening=1"], &["optimizer.kwargs.dampening is 1", "below 1"]),
        (
            &["optimizer.kwargs.nesterov=true", "optimizer.kwargs.momentum=0"],
            &["optimizer.kwargs.nesterov is true", "momentum is above 0"],
        ),
        (
            &["optimizer.name=AdamW", "optimizer.kwargs.betas=[0.9,1]"],
            &["optimizer.kwargs.betas is 1", "below 1"],
        ),
        (
            &[r#"optimizer.custom_lrs=[["layer4",-1]]"#],
            &["optimizer.custom_lrs of layer4 is -1", "0 or more"],
        ),
        (
            &[r#"optimizer.custom_lrs=[["layer9",1]]"#],
            &["optimizer.custom_lrs", "layer9", "conv1.weight", "fc.weight"],
        ),
        (
            &[r#"optimizer.custom_lrs=[["fc.bias",1]]"#],
            &["optimizer.custom_lrs", "fc.bias reaches no parameter"],
        ),
        (
            &[r#"optimizer.custom_lrs=[["layer(",1]]"#],
            &["optimizer.custom_lrs", "layer( is not", "without closing parenthesis"],
        ),
        (
            &[r#"train.weight_regularizers=[{"name":"l2_to_0","regex":"head","coef":1}]"#],
            &["train.weight_regularizers", "head is found in no", "fc.bias"],
        ),
        (
            &[r#"train.weight_regularizers=[{"name":"l1","regex":"fc","coef":1}]"#],
            &["l1", "l2_to_0", "l2_to_w0"],
        ),
        (
            &["train.mixup_reference_draws=true", "train.mixup_alpha=0"],
            &["train.mixup_reference_draws is true", "mixup_alpha is 0"],
        ),
        (
            &["train.mixup_per_sample=true", "train.mixup_alpha=0"],
            &["train.mixup_per_sample is true", "mixup_alpha is 0"],
        ),
    ] {
        failure(with(here.path(), &[&FIXUP[1..], settings].concat()), 2, parts);
    }
    assert!(!here.path().join("experiments").exists());
}

/// A file of families that start from the demo's settings.
fn family(folder: &Path, name: &str, family: &str) {
    let demo = include_str!("../../configs/demo.ron");
    let bases = &demo[demo.find("    bases").unwrap()..demo.find("    families").unwrap()];
    std::fs::create_dir_all(folder.join("mine/studies")).unwrap();
    std::fs::write(folder.join("mine").join(name), format!("(\n{bases}    families: [({family})],\n)"))
        .unwrap();
}

const MINE: &str = r#"
    key: "mine/{part}-{lr}", base: "shapes",
    set: {
        "data.name": "Shapes_line", "data.configs.train_per_class": 4, "data.configs.test_per_class": 4,
        "train.epochs": 1, "optimizer.base_lr": "{lr}", "lr_scheduler.kwargs.milestones": [],
        "optimizer.custom_lrs": [("{part}", 0.5)],
        "train.weight_regularizers": [(name: "l2_to_w0", regex: "{part}", coef: 0.01)],
    },
    axes: [
        (name: "part", options: [(label: "layer4"), (label: "fc")]),
        (name: "lr", options: [(label: "0.01"), (label: "0.1")]),
    ],
"#;

#[test]
fn keys_of_ones_own_are_listed_shown_and_trained() {
    let here = folder();
    family(here.path(), "mine.ron", MINE);
    std::fs::write(here.path().join("mine/studies/one.ron"), "(title: \"no family\")").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = runner(here.path());
        command.args(arguments);
        command
    };
    let count = |list: &str| list.split_once(' ').unwrap().0.parse::<usize>().unwrap();
    let list = success(run(&["configs", "--configs", "mine"]));
    assert_eq!(count(&list), count(&success(run(&["configs"]))) + 4);
    assert!(list.ends_with(") mine/fc-0.1\n"), "{list}");
    let mut show = run(&["show", "mine/fc-0.1"]);
    show.env("BASIN_CONFIGS", "mine");
    let shown = success(show);
    let verified = success(run(&["prepare", "verify", "-k", "mine/fc-0.1", "--configs", "mine"]));
    assert_eq!(verified, "all 80 images are whole\n");
    assert!(shown.contains("base_lr: 0.1") && shown.contains(r#"regex: "fc""#), "{shown}");
    success(run(&["-k", "mine/layer4-0.01", "--configs", "mine"]));
    assert!(here.path().join("experiments/mine/layer4-0.01/checkpoints/ckpt-E001.safetensors").is_file());
    failure(run(&["-k", "mine/layer4-0.01"]), 2, &["unknown key mine/layer4-0.01"]);
}

#[test]
fn what_is_wrong_with_a_folder_of_families() {
    let here = folder();
    let list = |parts: &[&str]| {
        let mut command = runner(here.path());
        command.args(["configs", "--configs", "mine"]);
        let code = if parts.contains(&"cannot read") { 3 } else { 2 };
        failure(command, code, parts);
    };
    list(&["cannot read", "mine"]);
    std::fs::create_dir(here.path().join("mine")).unwrap();
    list(&["mine holds no families", "--configs"]);
    family(here.path(), "b.ron", MINE);
    family(here.path(), "a.ron", r#"key: "mine/fc-0.1", base: "shapes""#);
    list(&["mine/b.ron:", "the key mine/fc-0.1", "mine/a.ron:"]);
    family(here.path(), "a.ron", &format!(r#"key: "{KEY}", base: "shapes""#));
    list(&["mine/a.ron:", KEY, "configs/demo.ron:"]);
    family(here.path(), "a.ron", r#"key: "mine/{foo}", base: "shapes""#);
    list(&["mine/a.ron:", "{foo} is no axis"]);
    family(here.path(), "a.ron", r#"key: "mine", base: "shapes", set: { "train.epoch": 1 }"#);
    list(&["mine/a.ron:", "train.epoch;", "train.epochs"]);
}
