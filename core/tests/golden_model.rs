//! The reference's networks, number for number (`model_*.json`): Fixup's, and torchvision's with batch normalisation.
//!
//! Batch normalisation amplifies rounding, so that the reference is not sure of its own numbers. An entry of `after`, or of
//! `gradient_l2` where it is `{"l2": number}` in place of the number alone, may carry `noise`: how far PyTorch in single
//! precision is from itself in double precision, as a share of the tensor's norm.

use std::convert::Infallible;

use basin_core::analysis::distance::{Part, distance};
use basin_core::checkpoint::{NamedTensor, StateDict};
use basin_core::data::Labelling;
use basin_core::evaluate::loss::{Targets, loss, sample_losses};
use basin_core::model::arch::Role;
use basin_core::model::{Arch, Network};
use basin_core::optim::rule::Sgd;
use basin_core::optim::{Optimizer, OptimizerSettings, UpdateRule};
use basin_core::random::numpy::RandomState;
use basin_core::train::gradients::take_gradients;
use basin_core::train::mixup::mix;
use burn::tensor::{Device, Tensor, TensorData};
use serde_json::Value;

use crate::common;

/// Tolerances are those of the golden folder's README.
const FORWARD: f64 = 1e-4;
const STEPS: f64 = 1e-3;
const STATISTIC: f64 = 5e-3;
/// How often its own noise we may be away from the reference.
const NOISES: f64 = 3.0;

/// The larger of the README's tolerance and three times the noise of a golden entry; `scale` is that of the numbers compared,
/// the tensor's norm or its root mean square.
pub fn bound(readme: f64, entry: &Value, scale: f64) -> f64 {
    let noise = match &entry["noise"] {
        Value::Null => 0.0,
        noise => noise.as_f64().filter(|noise| (0.0..1.0).contains(noise)).expect("noise is a share"),
    };
    readme.max(NOISES * noise * scale)
}

#[test]
fn a_bound_is_the_readmes_or_three_times_the_noise_of_the_reference() {
    let entry = |noise: f64| serde_json::json!({ "l2": 23.5, "noise": noise });
    // A gradient norm of 23.5 within 1e-3 of itself, or within 3 x 4e-3 of itself.
    assert_eq!(bound(0.0235, &serde_json::json!({ "l2": 23.5 }), 23.5), 0.0235);
    assert_eq!(bound(0.0235, &serde_json::json!(23.5), 23.5), 0.0235);
    assert_eq!(bound(0.0235, &entry(0.0), 23.5), 0.0235);
    assert_eq!(bound(0.0235, &entry(3e-4), 23.5), 0.0235, "noise below the tolerance changes nothing");
    assert_eq!(bound(0.0235, &entry(4e-3), 23.5), 3.0 * 4e-3 * 23.5);
    // What the reference's noise explains passes, and no more.
    let close = |ours: f64, noise: f64| (ours - 23.5).abs() <= bound(0.0235, &entry(noise), 23.5);
    assert!(close(23.7, 4e-3) && !close(23.7, 2e-3) && !close(23.8, 4e-3));
    for wrong in [serde_json::json!({ "noise": "much" }), serde_json::json!({ "noise": 8.0 })] {
        assert!(std::panic::catch_unwind(|| bound(1e-3, &wrong, 1.0)).is_err(), "{wrong}");
    }
}

#[test]
fn golden_models_agree_with_the_reference() {
    for path in common::golden_files("model_", ".json") {
        let golden = common::json(&path);
        let name = path.display().to_string();
        check_parameters(&golden, &name);
        check_evaluation(&golden, &name);
        check_steps(&golden, "plain", &name);
        check_steps(&golden, "mixup", &name);
        check_interpolation(&golden, &name);
        check_distance(&golden, &name);
    }
}

fn check_parameters(golden: &Value, name: &str) {
    let arch = arch(golden);
    let ours: Vec<Value> =
        arch.parameters.iter().map(|spec| serde_json::json!([spec.name, spec.shape])).collect();
    assert_eq!(Value::from(ours), golden["parameters"], "{name}: names, shapes and order");
}

fn check_evaluation(golden: &Value, name: &str) {
    let network = network(golden, seed(golden), &Device::flex());
    let (images, targets) = inputs(golden, seed(golden), shape(golden), &Device::flex());
    let stages = golden["eval"]["activations"].as_object().unwrap();
    let position = |name: &str| network.arch.stage(name).unwrap();
    let mut chosen: Vec<usize> = stages.keys().map(|name| position(name)).collect();
    chosen.push(position("fc"));
    let mut taken = Vec::new();
    let take = |stage, values| {
        taken.push((stage, values));
        Ok::<_, Infallible>(())
    };
    network.features(images.clone(), &chosen, take).unwrap();
    chosen.sort_unstable();
    assert_eq!(taken.iter().map(|(stage, _)| *stage).collect::<Vec<_>>(), chosen);
    for (stage, expected) in stages {
        let depth = chosen.iter().position(|known| *known == position(stage)).unwrap();
        let values = taken[depth].1.clone().permute([0, 3, 1, 2]);
        check_summary(values, expected, depth + 1, &format!("{name} {stage}"));
    }
    let features_logits = taken.pop().unwrap().1.flatten(1, 3);

    let expected: Vec<f64> = numbers(&golden["eval"]["logits"]);
    for logits in [network.forward(images), features_logits] {
        let logits_values = floats(logits.clone());
        assert_eq!(logits_values.len(), expected.len(), "{name}: logits");
        let scale = norm(&expected) / (expected.len() as f64).sqrt();
        for (ours, expected) in logits_values.iter().zip(&expected) {
            assert!(
                (ours - expected).abs() <= FORWARD * expected.abs().max(scale),
                "{name}: logit {ours} {expected}"
            );
        }
        let loss = mean(&floats(sample_losses(logits, &targets, Labelling::Class)));
        close(loss, golden["eval"]["loss"].as_f64().unwrap(), FORWARD, &format!("{name}: loss"));
    }
}

fn check_steps(golden: &Value, kind: &str, name: &str) {
    let run = &golden[kind];
    let device = Device::flex();
    let mut network = network(golden, seed(golden), &device);
    let (images, first) = inputs(golden, seed(golden), shape(golden), &device.clone().autodiff());
    let (images, targets) = match run["lam"].as_f64() {
        None => (images, Targets { first, second: None }),
        Some(coefficient) => {
            let index: Vec<usize> = numbers(&run["index"]).iter().map(|i| *i as usize).collect();
            let (shape, device) = (images.dims(), images.device());
            let images: Vec<f32> = images.into_data().iter().collect();
            let mixed = mix(&images, &index, &[coefficient]);
            let mixed = Tensor::from_data(TensorData::new(mixed, shape), &device);
            let second = index.iter().map(|i| first[*i]).collect();
            (mixed, Targets { first, second: Some((second, vec![coefficient])) })
        }
    };
    let number = |key: &str| run[key].as_f64().unwrap();
    let settings = OptimizerSettings {
        base_lr: number("lr"),
        weight_decay: number("weight_decay"),
        custom_lrs: Vec::new(),
        layer_decay: 1.0,
        rule: UpdateRule::Sgd(Sgd { momentum: number("momentum"), ..Sgd::default() }),
    };
    let mut optimizer = Optimizer::new(&settings, network.trained()).unwrap();
    let steps = common::list(&run["steps"]);
    for (step, expected) in steps.iter().enumerate() {
        let tracked = network.tracked();
        let (logits, statistics) = tracked.forward_train(images.clone());
        let loss = loss(logits, &targets, Labelling::Class);
        let mut gradients = loss.backward();
        let tolerance = if step == 0 { FORWARD } else { STEPS };
        let what = format!("{name} {kind} step {step}");
        close(f64::from(loss.into_scalar::<f32>()), expected["loss"].as_f64().unwrap(), tolerance, &what);
        if step == 0 {
            for (parameter, leaf) in tracked.trained() {
                let gradient = norm(&floats(leaf.grad(&gradients).unwrap()));
                let entry = &expected["gradient_l2"][parameter];
                let expected = entry.as_f64().or_else(|| entry["l2"].as_f64()).unwrap();
                let bound = bound((1e-3 * expected).max(1e-6), entry, expected);
                assert!(
                    (gradient - expected).abs() <= bound,
                    "{what} {parameter}: {gradient} instead of {expected}, which may be {bound} off"
                );
            }
        }
        let gradients = take_gradients(tracked, &mut gradients);
        optimizer.step(network.trained_mut(), gradients);
        network.update(statistics);
    }
    let has_statistics = network.arch.parameters.iter().any(|spec| spec.role == Role::Statistic);
    for tensor in network.state().tensors {
        let what = format!("{name} {kind} {}", tensor.name);
        if tensor.is_count() {
            assert_eq!(tensor.data, [steps.len() as f32], "{what}");
            continue;
        }
        let expected = &run["after"][&tensor.name];
        let l2 = expected["l2"].as_f64().unwrap();
        let values: Vec<f64> = tensor.data.iter().map(|v| f64::from(*v)).collect();
        let ours = norm(&values);
        assert!((ours - l2).abs() <= bound(STEPS * l2, expected, l2), "{what}: {ours} instead of {l2}");
        let scale = l2 / (values.len() as f64).sqrt();
        for (ours, first) in values.iter().zip(numbers(&expected["first"])) {
            // Normalisation amplifies rounding: PyTorch in double precision is 3e-3 of the root mean square away from its own
            // single precision here.
            let amplified = if has_statistics { 10.0 } else { 1.0 };
            let tolerance = match tensor.name.contains("running_") {
                true => STATISTIC,
                false => amplified * STEPS * scale + 1e-5,
            };
            let tolerance = bound(tolerance, expected, scale);
            assert!((ours - first).abs() <= tolerance, "{what}: {ours} {first}");
        }
    }
}

fn check_interpolation(golden: &Value, name: &str) {
    let golden_line = &golden["interpolation"];
    let [one, two] = pair(golden).map(|state| Network::new(arch(golden), &state, &Device::flex()).unwrap());
    let count = golden_line["count"].as_u64().unwrap() as usize;
    let input_seed = golden_line["input_seed"].as_u64().unwrap() as u32;
    let device = Device::flex();
    let (images, targets) = inputs(golden, input_seed, [count, 3, 64, 64], &device);
    for point in common::list(&golden_line["points"]) {
        let network = one.blend(&two, point["coefficient"].as_f64().unwrap());
        let logits = network.forward(images.clone());
        let predictions: Vec<i64> = logits.clone().argmax(1).into_data().iter::<i64>().collect();
        let correct = predictions.iter().zip(&targets).filter(|(p, t)| **p == **t as i64).count();
        let loss = mean(&floats(sample_losses(logits, &targets, Labelling::Class)));
        let what = format!("{name}: coefficient {}", point["coefficient"]);
        close(loss, point["loss"].as_f64().unwrap(), FORWARD, &what);
        assert_eq!(correct as u64, point["correct"].as_u64().unwrap(), "{what}: correct");
    }
}

fn check_distance(golden: &Value, name: &str) {
    let [one, two] = pair(golden);
    let distance = distance(&arch(golden), &one, &two).unwrap();
    assert_eq!(distance.tensors.len(), golden["distance"]["per_tensor"].as_object().unwrap().len(), "{name}");
    for Part { name: tensor, distance } in &distance.tensors {
        let expected = golden["distance"]["per_tensor"][tensor].as_f64().unwrap();
        close(distance.l2, expected, 1e-5, &format!("{name}: distance of {tensor}"));
    }
    close(distance.sum_of_tensors.l2, golden["distance"]["sum"].as_f64().unwrap(), 1e-5, name);
    close(distance.global.l2, golden["distance"]["global_l2"].as_f64().unwrap(), 1e-5, name);
}

fn check_summary(values: Tensor<4>, expected: &Value, depth: usize, what: &str) {
    assert_eq!(serde_json::json!(values.dims()), expected["shape"], "{what}: shape");
    let values = floats(values);
    let l2 = expected["l2"].as_f64().unwrap();
    let tolerance = 1e-5 * depth as f64 * l2 / (values.len() as f64).sqrt();
    close(norm(&values), l2, 1e-5 * depth as f64, what);
    assert!((mean(&values) - expected["mean"].as_f64().unwrap()).abs() <= tolerance, "{what}: mean");
    for (ours, expected) in values.iter().zip(numbers(&expected["first"])) {
        assert!((ours - expected).abs() <= tolerance, "{what}: {ours} {expected}");
    }
}

fn arch(golden: &Value) -> Arch {
    Arch::new(golden["arch"].as_str().unwrap(), golden["classes"].as_u64().unwrap() as usize).unwrap()
}

fn seed(golden: &Value) -> u32 {
    golden["seed"].as_u64().unwrap() as u32
}

fn shape(golden: &Value) -> [usize; 4] {
    std::array::from_fn(|axis| golden["input"][axis].as_u64().unwrap() as usize)
}

fn network(golden: &Value, seed: u32, device: &Device) -> Network {
    Network::new(arch(golden), &filled(&arch(golden), seed), device).unwrap()
}

fn pair(golden: &Value) -> [StateDict; 2] {
    [0, 1].map(|i| filled(&arch(golden), golden["interpolation"]["fill_seeds"][i].as_u64().unwrap() as u32))
}

/// The weights of the golden folder's README.
pub fn filled(arch: &Arch, seed: u32) -> StateDict {
    let mut random = RandomState::new(seed);
    let tensors = arch.parameters.iter().map(|spec| {
        let length: usize = spec.shape.iter().product();
        let value = |u: f64| match *spec.shape {
            [out, _, height, width] => {
                u * 2.0 * 3f64.sqrt() * 0.5 * (2.0 / (out * height * width) as f64).sqrt()
            }
            [_, inputs] => u * 2.0 / (inputs as f64).sqrt(),
            _ if spec.name.ends_with("running_var") => 1.0 + u,
            _ if spec.name.ends_with("scale") || spec.name.ends_with("weight") => 1.0 + 0.2 * u,
            _ => 0.2 * u,
        };
        let data = match spec.role {
            Role::Count => vec![0.0],
            _ => (0..length).map(|_| value(random.random_sample() - 0.5) as f32).collect(),
        };
        NamedTensor { name: spec.name.clone(), shape: spec.shape.clone(), data }
    });
    StateDict { tensors: tensors.collect() }
}

pub fn inputs(golden: &Value, seed: u32, shape: [usize; 4], device: &Device) -> (Tensor<4>, Vec<usize>) {
    let mut random = RandomState::new(seed + 1000);
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| ((random.random_sample() - 0.5) * 2.0 * 3f64.sqrt()) as f32)
        .collect();
    let classes = golden["classes"].as_i64().unwrap();
    let targets = (0..shape[0]).map(|_| random.randint(0, classes) as usize).collect();
    (Tensor::from_data(TensorData::new(values, shape), device), targets)
}

pub fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

pub fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[track_caller]
pub fn close(ours: f64, expected: f64, relative: f64, what: &str) {
    assert!((ours - expected).abs() <= relative * expected.abs(), "{what}: {ours} instead of {expected}");
}
