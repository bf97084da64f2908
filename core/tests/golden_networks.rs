//! timm's networks, number for number (`network_*.json`, made by `golden/make_networks.py`): names and shapes of parameters, outputs,
//! activations of modules, gradients, and three steps of SGD and AdamW.

use std::collections::BTreeMap;
use std::convert::Infallible;

use basin_core::data::Labelling;
use basin_core::evaluate::loss::{Targets, loss};
use basin_core::model::{Arch, Network};
use basin_core::optim::rule::{Adam, AdamW, Sgd};
use basin_core::optim::{Optimizer, OptimizerSettings, UpdateRule};
use basin_core::train::gradients::take_gradients;
use burn::tensor::{Device, Tensor};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::common;
use crate::golden_model::{bound, filled, floats, inputs, norm, numbers};

/// Tolerances are those of the golden folder's README.
const FORWARD: f64 = 1e-4;
const ACTIVATION: f64 = 1e-5;
const STEPS: f64 = 1e-3;

#[test]
fn networks_agree_with_timm() {
    for path in common::golden_files("network_", ".json") {
        if path.ends_with("network_parameters.json") {
            continue;
        }
        let golden = common::json(&path);
        let name = golden["arch"].as_str().unwrap();
        let side = golden["side"].as_u64().unwrap() as usize;
        let arch = Arch::for_images(name, golden["classes"].as_u64().unwrap() as usize, side).unwrap();
        let ours: Vec<Value> =
            arch.parameters.iter().map(|spec| serde_json::json!([spec.name, spec.shape])).collect();
        for (ours, right) in ours.iter().zip(common::list(&golden["parameters"])) {
            assert_eq!(ours, right, "{name}: names, shapes and order");
        }
        assert_eq!(ours.len(), common::list(&golden["parameters"]).len(), "{name}: number of parameters");
        let seed = golden["seed"].as_u64().unwrap() as u32;
        let network = Network::new(arch.clone(), &filled(&arch, seed), &Device::flex()).unwrap();
        let shape = [golden["count"].as_u64().unwrap() as usize, 3, side, side];
        let (images, targets) = inputs(&golden, seed, shape, &Device::flex());
        check_evaluation(&golden, &network, images, name);
        let (images, _) = inputs(&golden, seed, shape, &Device::flex().autodiff());
        for kind in ["SGD", "AdamW"] {
            check_steps(&golden, network.clone(), images.clone(), &targets, kind, name);
        }
    }
}

#[test]
fn parameters_have_timms_names_and_shapes() {
    for path in common::golden_files("network_parameters", ".json") {
        let digests: BTreeMap<String, String> = serde_json::from_value(common::json(&path)).unwrap();
        assert!(digests.len() > 80);
        for (name, expected) in digests {
            let arch = Arch::new(&name, 5).unwrap();
            let lines = arch.parameters.iter().map(|spec| format!("{} {:?}\n", spec.name, spec.shape));
            let digest = Sha256::digest(lines.collect::<String>());
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digest, expected, "{name}");
        }
    }
}

fn check_evaluation(golden: &Value, network: &Network, images: Tensor<4>, name: &str) {
    let activations = golden["activations"].as_object().unwrap();
    let position = |name: &str| network.arch.stages.iter().position(|stage| stage.name == name).unwrap();
    let chosen: Vec<usize> = activations.keys().map(|name| position(name)).collect();
    let mut found = BTreeMap::new();
    let take = |stage: usize, values: Tensor<4>| {
        found.insert(stage, floats(values));
        Ok::<_, Infallible>(())
    };
    network.features(images.clone(), &chosen, take).unwrap();
    for (stage, expected) in activations {
        let depth = 1 + position(stage);
        check(&found[&position(stage)], expected, ACTIVATION * depth as f64, &format!("{name} {stage}"));
    }
    let expected = numbers(&golden["logits"]);
    let scale = norm(&expected) / (expected.len() as f64).sqrt();
    let logits = floats(network.forward(images));
    assert_eq!(logits.len(), expected.len(), "{name}: logits");
    for (ours, expected) in logits.iter().zip(expected) {
        assert!((ours - expected).abs() <= FORWARD * expected.abs().max(scale), "{name}: {ours} {expected}");
    }
}

fn check_steps(
    golden: &Value,
    mut network: Network,
    images: Tensor<4>,
    targets: &[usize],
    kind: &str,
    name: &str,
) {
    let run = &golden["steps"][kind];
    let (rule, weight_decay) = match kind {
        "SGD" => (UpdateRule::Sgd(Sgd { momentum: 0.9, ..Sgd::default() }), 1e-4),
        _ => (UpdateRule::AdamW(AdamW(Adam { eps: 1e-4, ..Adam::default() })), 0.05),
    };
    let base_lr = run["lr"].as_f64().unwrap();
    let settings =
        OptimizerSettings { base_lr, weight_decay, custom_lrs: Vec::new(), layer_decay: 1.0, rule };
    let mut optimizer = Optimizer::new(&settings, network.trained()).unwrap();
    let targets = Targets { first: targets.to_vec(), second: None };
    for (step, expected) in common::list(&run["losses"]).iter().enumerate() {
        let tracked = network.tracked();
        let (logits, statistics) = tracked.forward_train(images.clone());
        let loss = loss(logits, &targets, Labelling::Class);
        let mut gradients = loss.backward();
        let (ours, right) = (f64::from(loss.into_scalar::<f32>()), expected["l2"].as_f64().unwrap());
        let tolerance = bound(STEPS * right + 1e-5, expected, right);
        assert!((ours - right).abs() <= tolerance, "{name} {kind} step {step}: {ours} {right}");
        if step == 0 && kind == "SGD" {
            for (parameter, entry) in golden["gradients"].as_object().unwrap() {
                let (_, leaf) = tracked.trained().find(|(name, _)| name == parameter).unwrap();
                let values = floats(leaf.grad(&gradients).unwrap());
                let expected = entry["l2"].as_f64().unwrap();
                let bound = bound((STEPS * expected).max(1e-6), entry, expected);
                assert!(
                    (norm(&values) - expected).abs() <= bound,
                    "{name} gradient of {parameter}: {} instead of {expected}",
                    norm(&values)
                );
            }
        }
        let gradients = take_gradients(tracked, &mut gradients);
        optimizer.step(network.trained_mut(), gradients);
        network.update(statistics);
    }
    let state = network.state();
    for (tensor, expected) in run["after"].as_object().unwrap() {
        let values: Vec<f64> =
            state.get(tensor).unwrap().data.iter().map(|value| f64::from(*value)).collect();
        check(&values, expected, STEPS, &format!("{name} {kind} {tensor}"));
    }
}

/// Norm and first values of a tensor, within a share of the norm or of the root mean square.
fn check(values: &[f64], expected: &Value, share: f64, what: &str) {
    let l2 = expected["l2"].as_f64().unwrap();
    if let Some(shape) = expected["shape"].as_array() {
        let count: u64 = shape.iter().map(|length| length.as_u64().unwrap()).product();
        assert_eq!(values.len() as u64, count, "{what}: shape");
    }
    let tolerance = bound(share * l2, expected, l2);
    assert!((norm(values) - l2).abs() <= tolerance, "{what}: {} instead of {l2}", norm(values));
    let scale = l2 / (values.len() as f64).sqrt();
    let tolerance = bound(10.0 * share * scale + 1e-6, expected, 10.0 * scale);
    for (ours, first) in values.iter().zip(numbers(&expected["first"])) {
        assert!((ours - first).abs() <= tolerance, "{what}: {ours} {first}");
    }
}
