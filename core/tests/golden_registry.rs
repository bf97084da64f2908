//! The reference's registry: every key, in its order, with every setting (`registry.json`, `config_keys.txt`).

use std::collections::BTreeMap;

use basin_core::config::{Experiment, Registry, flat_settings};
use basin_core::train::check as check_settings;
use serde_json::Value;

use crate::common;

#[test]
fn golden_registry_has_every_key_and_setting_of_the_reference() {
    let registry = Registry::load().unwrap();
    for path in common::golden_files("registry", ".json") {
        let golden = common::json(&path);
        let golden = common::list(&golden);
        for (ours, theirs) in registry.keys().zip(golden) {
            assert_eq!(ours, theirs["key"], "{}: order", path.display());
            let experiment = registry.get(ours).unwrap();
            check_settings(&experiment).unwrap();
            check(&experiment, theirs);
        }
        assert!(registry.keys().count() >= golden.len(), "{}: keys are missing", path.display());
    }
}

#[test]
fn golden_keys_come_first_and_in_order() {
    let registry = Registry::load().unwrap();
    for path in common::golden_files("config_keys", ".txt") {
        let text = std::fs::read_to_string(&path).unwrap();
        let theirs: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert!(!theirs.is_empty(), "{} lists no key", path.display());
        let ours: Vec<&str> = registry.keys().take(theirs.len()).collect();
        assert_eq!(ours, theirs, "{}", path.display());
    }
}

/// Every setting that the reference binds has its value, and what it leaves to its scripts has their defaults.
fn check(experiment: &Experiment, golden: &Value) {
    let key = &experiment.key;
    let ours: BTreeMap<String, Value> = flat_settings(experiment).into_iter().collect();
    assert_eq!((&ours["script"], &ours["gpu_spec"]), (&golden["script"], &golden["gpu_spec"]), "{key}");
    let mut theirs = BTreeMap::new();
    for (binding, value) in golden["gin"].as_object().unwrap() {
        flatten(&renamed(binding), value, &mut theirs);
    }
    for (path, value) in &theirs {
        assert_eq!(ours.get(path), Some(value), "{key}: {path}");
    }
    let chexpert = golden["script"] == "chexpert_train.py";
    for (path, value) in &ours {
        let default = match path.as_str() {
            _ if theirs.contains_key(path) => continue,
            "key" | "script" | "gpu_spec" | "train.keep_every" | "train.keep" => continue,
            "data.name" if chexpert => Value::from("CheXpert"),
            "data.configs.disable_aug" => Value::from(false),
            "data.configs.image_size" => Value::from(224),
            "data.configs.pre_crop_size" => Value::from(256),
            "train.mixup_alpha" => Value::from(if chexpert { 0.0 } else { 0.7 }),
            "train.mixup_per_sample"
            | "train.mixup_reference_draws"
            | "seed.by_key"
            | "optimizer.kwargs.nesterov" => Value::from(false),
            "train.weight_regularizers" | "optimizer.custom_lrs" => Value::Array(Vec::new()),
            "optimizer.kwargs.dampening" => Value::from(0.0),
            "train.micro_batch" => Value::from(0),
            "train.precision" => Value::from("f32"),
            "seed.init" | "seed.order" => Value::from(0),
            _ => default_of(experiment, path),
        };
        assert_eq!(*value, default, "{key}: {path} is bound by us alone");
    }
}

/// The value of a setting that is left out.
fn default_of(experiment: &Experiment, path: &str) -> Value {
    let mut settings = serde_json::to_value(experiment).unwrap();
    let pointer = format!("/{}", path.replace('.', "/"));
    let (group, name) = pointer.rsplit_once('/').unwrap();
    let group = settings.pointer_mut(group).unwrap();
    group.as_object_mut().unwrap().remove(name);
    let left_out: Experiment = serde_json::from_value(settings).unwrap();
    flat_settings(&left_out).into_iter().find(|(known, _)| known == path).unwrap().1
}

/// The two bindings that the CheXpert script names otherwise.
fn renamed(binding: &str) -> String {
    match binding {
        "data.image_path" => "data.configs.data_dir".to_owned(),
        "data.data_config" => "data.configs".to_owned(),
        same => same.to_owned(),
    }
}

fn flatten(prefix: &str, value: &Value, flat: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| flatten(&format!("{prefix}.{name}"), value, flat))
        }
        value => {
            flat.insert(prefix.to_owned(), value.clone());
        }
    }
}
