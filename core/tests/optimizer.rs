//! Ten steps of each update rule, and penalties on weights, against PyTorch 2.15 (`golden/optimizers.json`, which
//! `golden/make_optimizers.py` writes).

use basin_core::config::{Experiment, Registry, apply_overrides, show};
use basin_core::optim::rule::{Adam, AdamW, Sgd};
use basin_core::optim::{Optimizer, OptimizerSettings, Regularizers, UpdateRule, WeightRegularizer};
use basin_core::train::check as check_settings;
use burn::tensor::{Device, Tensor};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/optimizers.json")).unwrap()
}

fn names(golden: &Value) -> Vec<&str> {
    golden["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

fn tensors(values: &Value, names: &[&str]) -> Vec<Tensor<1>> {
    let floats =
        |name: &&str| values[*name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
    let tensor = |floats: Vec<f32>| Tensor::from_floats(floats.as_slice(), &Device::flex());
    names.iter().map(floats).map(tensor).collect()
}

#[track_caller]
fn check(ours: &[Tensor<1>], theirs: &Value, names: &[&str], what: &Value) {
    for ((ours, theirs), name) in ours.iter().zip(tensors(theirs, names)).zip(names) {
        let [ours, theirs] = [ours, &theirs].map(|tensor| tensor.to_data().try_into_vec::<f32>().unwrap());
        assert_eq!(ours.len(), theirs.len(), "{what} {name}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!((ours - theirs).abs() <= 1e-6 * theirs.abs().max(1.0), "{what} {name}: {ours} {theirs}");
        }
    }
}

#[test]
fn ten_steps_of_each_rule_are_those_of_pytorch() {
    let golden = golden();
    let names = names(&golden);
    for case in golden["cases"].as_array().unwrap() {
        let settings: OptimizerSettings = serde_json::from_value(case["optimizer"].clone()).unwrap();
        let mut parameters = tensors(&golden["start"], &names);
        let mut optimizer = Optimizer::new(&settings, names.iter().copied().zip(&parameters)).unwrap();
        for gradients in golden["gradients"].as_array().unwrap() {
            optimizer.step(parameters.iter_mut(), tensors(gradients, &names));
        }
        check(&parameters, &case["after"], &names, &case["optimizer"]);
    }
}

#[test]
fn penalties_and_their_gradients_are_those_of_autograd() {
    let golden = golden();
    let (names, penalty) = (names(&golden), &golden["penalty"]);
    let rules: Vec<WeightRegularizer> = serde_json::from_value(penalty["rules"].clone()).unwrap();
    let start = || Ok(tensors(&golden["start"], &names));
    let regularizers = Regularizers::new(&rules, names.iter().copied(), start).unwrap();
    let parameters = tensors(&penalty["parameters"], &names);
    let mut gradients: Vec<Tensor<1>> = parameters.iter().map(Tensor::zeros_like).collect();
    let value =
        regularizers.add_gradients(&parameters.iter().collect::<Vec<_>>(), &mut gradients).read().unwrap();
    let theirs = penalty["value"].as_f64().unwrap();
    assert!((value - theirs).abs() <= 1e-6 * theirs, "{value} {theirs}");
    check(&gradients, &penalty["gradients"], &names, &penalty["rules"]);
}

#[test]
fn an_optimizer_is_chosen_by_name_and_survives_the_run_record() {
    let key = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";
    let change = |settings: &[&str]| {
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        apply_overrides(Registry::load().unwrap().get(key).unwrap(), &settings)
    };
    let adam = change(&[
        "optimizer.kwargs.betas=[0.8,0.99]",
        "optimizer.name=AdamW",
        r#"optimizer.custom_lrs=[["layer4",0.01]]"#,
        r#"train.weight_regularizers=[{"name":"l2_to_w0","regex":"layer","coef":1e-3}]"#,
    ])
    .unwrap();
    check_settings(&adam).unwrap();
    assert_eq!(adam.optimizer.rule, UpdateRule::AdamW(AdamW(Adam { betas: [0.8, 0.99], eps: 1e-8 })));
    assert_eq!(adam.optimizer.custom_lrs, [("layer4".to_owned(), 0.01)]);
    let read: Experiment = ron::from_str(&show(&adam).unwrap()).unwrap();
    assert_eq!(read, adam);
    for (setting, parts) in [
        ("optimizer.kwargs.betas=[0.8,0.99]", ["betas", "nesterov"]),
        ("optimizer.name=Adm", ["SGD", "AdamW"]),
        ("optimizer.kwargs.momentun=0.8", ["momentun", "optimizer.kwargs.momentum"]),
    ] {
        let message = change(&[setting]).unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[test]
fn records_from_before_these_settings_open() {
    let old = r#"(name: "SGD", base_lr: 0.05, weight_decay: 0.0001, kwargs: (momentum: 0.9))"#;
    let read: OptimizerSettings = ron::from_str(old).unwrap();
    assert_eq!(read.rule, UpdateRule::Sgd(Sgd { momentum: 0.9, ..Default::default() }));
    assert!(read.custom_lrs.is_empty());
}

#[test]
fn groups_are_biases_scales_custom_rates_in_their_order_and_the_rest() {
    let settings: OptimizerSettings = serde_json::from_value(serde_json::json!({
        "name": "SGD", "base_lr": 0.1, "weight_decay": 0.0,
        "custom_lrs": [["layer4", 0.003], ["conv1|bias|scale", 0.0]],
    }))
    .unwrap();
    let names = [
        "conv1.weight",
        "bias1",
        "layer4.0.conv1.weight",
        "layer4.0.bias1a",
        "layer4.0.scale",
        "fc.weight",
        "fc.bias",
    ];
    assert_eq!(settings.groups(names.into_iter()).unwrap(), [3, 0, 2, 0, 1, 4, 0]);
    assert_eq!(settings.group_rates(), [0.1 * 0.1, 0.1 * 0.1, 0.003, 0.0, 0.1]);
}
