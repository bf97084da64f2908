//! Settings by dotted path, as `--set` and the families name them.

use serde_json::{Map, Value};

use super::*;
use crate::error::{Error, Result};

/// Applies `path=value` settings, all together. A value is text where the setting is text, else JSON (`3`, `[1,2]`, and `null`
/// for none).
///
/// # Errors
/// [`Error::Usage`] naming the path, the nearest known ones or the expected type.
pub fn apply_overrides(experiment: Experiment, overrides: &[String]) -> Result<Experiment> {
    let unwritable = |error| Error::run(format!("the settings cannot be written: {error}"));
    let mut settings = serde_json::to_value(&experiment).map_err(unwritable)?;
    let examples = serde_json::to_value(complete()).map_err(unwritable)?;
    // Another name takes other arguments, so names come first.
    let is_name = |text: &&String| text.split('=').next().is_some_and(|path| path.ends_with(".name"));
    for text in overrides.iter().filter(is_name).chain(overrides.iter().filter(|text| !is_name(text))) {
        let Some((path, value)) = text.split_once('=') else {
            return Err(Error::usage(format!("--set {text} has no =; write --set path=value")));
        };
        check_path(path).map_err(Error::Usage)?;
        let example = examples.pointer(&pointer(path));
        let value = match example {
            Some(Value::String(_)) if value != "null" => Value::from(value),
            _ => serde_json::from_str(value)
                .map_err(|_| misfit(std::slice::from_ref(text), "it is no JSON"))?,
        };
        if let Some(owner) = path.strip_suffix(".name")
            && settings.pointer(&pointer(path)) != Some(&value)
            && examples.pointer(&pointer(&format!("{owner}.kwargs"))).is_some()
        {
            set(&mut settings, &format!("{owner}.kwargs"), Value::Object(Map::new()));
        }
        set(&mut settings, path, value);
    }
    serde_json::from_value(settings).map_err(|error| misfit(overrides, error))
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

fn misfit(overrides: &[String], reason: impl std::fmt::Display) -> Error {
    let options: Vec<String> = overrides.iter().map(|text| format!("--set {text}")).collect();
    Error::usage(format!("{} does not fit: {reason}; see `runner show KEY` for the form", options.join(" ")))
}

/// Sets the value at a path, making the objects on the way.
pub(super) fn set(settings: &mut Value, path: &str, value: Value) {
    let mut place = settings;
    for part in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[part];
    }
    *place = value;
}

/// Whether a path exists; the message names the nearest that do.
pub(super) fn check_path(path: &str) -> std::result::Result<(), String> {
    let known = known_paths();
    if known.iter().any(|known| known == path) {
        return Ok(());
    }
    Err(format!(
        "unknown setting {path}; did you mean {}?",
        nearest(path, known.iter().map(String::as_str)).join(", ")
    ))
}

/// The three candidates most like a word.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = candidates
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// All paths, of objects and of values. `key` names the run and is no setting.
fn known_paths() -> Vec<String> {
    let mut paths = Vec::new();
    collect(&serde_json::to_value(complete()).unwrap_or_default(), "", &mut paths);
    for scheduler in schedulers() {
        collect(&serde_json::to_value(scheduler).unwrap_or_default(), "lr_scheduler", &mut paths);
    }
    for rule in [UpdateRule::Sgd(Sgd::default()), UpdateRule::Adam(Adam::default())] {
        collect(&serde_json::to_value(optimizer(rule)).unwrap_or_default(), "optimizer", &mut paths);
    }
    paths.retain(|path| path != "key");
    paths.sort();
    paths.dedup();
    paths
}

fn collect(value: &Value, prefix: &str, paths: &mut Vec<String>) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        collect(value, &path, paths);
        paths.push(path);
    }
}

/// Path and value of every setting of an experiment.
pub fn flat_settings(experiment: &Experiment) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    flatten(&serde_json::to_value(experiment).unwrap_or_default(), "", &mut flat);
    flat
}

/// Path and value of every setting that is not an object.
fn flatten(value: &Value, prefix: &str, flat: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            flatten(value, &path, flat);
        }),
        value => flat.push((prefix.to_owned(), value.clone())),
    }
}

/// An experiment with every optional setting present, to know all paths.
fn complete() -> Experiment {
    Experiment {
        key: String::new(),
        script: Script::Imagenet,
        gpu_spec: String::new(),
        data: Data {
            name: String::new(),
            index_paths: Some(IndexPaths {
                train: Some(String::new()),
                dev: Some(String::new()),
                test: Some(String::new()),
            }),
            configs: DataConfigs {
                data_dir: String::new(),
                subsample: Some(Subsample { size: 1, seed: 0 }),
                disable_aug: false,
                image_size: 1,
                pre_crop_size: 1,
                shuffle_pixel_config: Some(ShufflePixel { seed: 0 }),
                shuffle_block_config: Some(ShuffleBlock { seed: 0, block_size: 1 }),
                train_per_class: Some(1),
                test_per_class: Some(1),
                cache_bitmap: Some(false),
            },
        },
        model: Model { arch: String::new(), kwargs: ModelKwargs { zero_fc_init: false } },
        train: Train {
            batch_size: 1,
            micro_batch: 1,
            precision: Precision::F32,
            epochs: 1,
            data_workers: 1,
            finetune_from: Some(String::new()),
            mixup_alpha: 0.0,
            mixup_per_sample: false,
            weight_regularizers: Vec::new(),
            keep_every: 1,
            keep: Vec::new(),
        },
        optimizer: optimizer(UpdateRule::Sgd(Sgd::default())),
        lr_scheduler: schedulers().into_iter().next(),
        seed: Seed { init: 0, order: 0 },
    }
}

fn optimizer(rule: UpdateRule) -> Optimizer {
    Optimizer { base_lr: 0.0, weight_decay: 0.0, custom_lrs: Vec::new(), rule }
}

/// One of each, to know all paths.
fn schedulers() -> [LrScheduler; 5] {
    [
        LrScheduler::MultiStepLR { milestones: Vec::new(), gamma: 1.0 },
        LrScheduler::StepLR { step_size: 1, gamma: 1.0 },
        LrScheduler::ExponentialLR { gamma: 1.0 },
        LrScheduler::CosineAnnealingLR { t_max: 1, eta_min: 0.0 },
        LrScheduler::LinearLR { start_factor: 1.0, end_factor: 1.0, total_iters: 1 },
    ]
}
