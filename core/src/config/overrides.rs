//! Settings by dotted path, as `--set` and the families name them.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::Experiment;
use crate::error::{Error, Result};
use crate::optim::{LrScheduler, UpdateRule};
use crate::setting::{Kind, Setting, nearest, settings};

/// Applies `path=value` settings, all together. A value is text where the setting is text, else JSON (`3`, `[1,2]`, and `null`
/// for none).
///
/// # Errors
/// [`Error::Usage`] naming the path, the nearest known ones or the expected type.
pub fn apply_overrides(experiment: Experiment, overrides: &[String]) -> Result<Experiment> {
    let mut settings = serde_json::to_value(&experiment)
        .map_err(|error| Error::run(format!("the settings cannot be written: {error}")))?;
    // Another name takes other arguments, so names come first.
    let is_name = |text: &&String| text.split('=').next().is_some_and(|path| path.ends_with(".name"));
    for text in overrides.iter().filter(is_name).chain(overrides.iter().filter(|text| !is_name(text))) {
        let Some((path, value)) = text.split_once('=') else {
            return Err(Error::usage(format!("the setting {text} has no =; write path=value")));
        };
        let value = match (setting(path).map_err(Error::Usage)?.kind, value) {
            (Kind::Text, "null") => Value::Null,
            // As Python and `runner show` write nothing, but where it is the name of a choice.
            (Kind::Text, "None") => none_or_name(&settings, path),
            (Kind::Text, value) => Value::from(value),
            (Kind::Json, "None") => Value::Null,
            (Kind::Json, "True") => Value::from(true),
            (Kind::Json, "False") => Value::from(false),
            (Kind::Json, value) => serde_json::from_str(value)
                .map(whole)
                .map_err(|_| misfit(std::slice::from_ref(text), "it is no JSON"))?,
        };
        replace(&mut settings, path, value);
    }
    serde_json::from_value(settings).map_err(|error| misfit(overrides, error))
}

/// Nothing, where a setting may be left out, or else the text `None`.
fn none_or_name(settings: &Value, path: &str) -> Value {
    let mut without = settings.clone();
    replace(&mut without, path, Value::Null);
    match serde_json::from_value::<Experiment>(without) {
        Ok(_) => Value::Null,
        Err(_) => Value::from("None"),
    }
}

/// A whole number that is a float, as `1e2` is, as an integer, which counts and floats take alike; in lists too.
pub(super) fn whole(value: Value) -> Value {
    if let Value::Array(items) = value {
        return items.into_iter().map(whole).collect();
    }
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() < 2f64.powi(53) => {
            Value::from(number as i64)
        }
        _ => value,
    }
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

fn misfit(overrides: &[String], reason: impl std::fmt::Display) -> Error {
    Error::usage(format!(
        "{} does not fit: {reason}; see `runner show KEY` for the form",
        overrides.join(" ")
    ))
}

/// Sets the value at a path. Arguments of another name go with it.
pub(super) fn replace(settings: &mut Value, path: &str, value: Value) {
    let earlier = settings.pointer(&pointer(path));
    if let Some(owner) = path.strip_suffix(".name")
        && earlier.is_some_and(|earlier| *earlier != value)
        && setting(&format!("{owner}.kwargs")).is_ok()
    {
        set(settings, &format!("{owner}.kwargs"), Value::Object(Map::new()));
    }
    set(settings, path, value);
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

/// All settings of an experiment, groups and those inside them. `key` names the run and is no setting.
static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let mut all = [settings::<Experiment>(""), UpdateRule::settings(), LrScheduler::arguments()].concat();
    all.retain(|setting| setting.path != "key");
    all.sort();
    all.dedup_by(|one, other| one.path == other.path);
    all
});

/// What the reference and other programs call a setting, in the last part of its path, and what it is here.
const OTHER_NAMES: [(&str, &str); 23] = [
    ("arch", "model.arch"),
    ("batch", "train.batch_size"),
    ("bs", "train.batch_size"),
    ("data", "data.configs.data_dir"),
    ("data_path", "data.configs.data_dir"),
    ("dataset", "data.name"),
    ("image_path", "data.configs.data_dir"),
    ("imagenet_path", "data.configs.data_dir"),
    ("img_size", "data.configs.image_size"),
    ("init_from", "train.finetune_from"),
    ("learning_rate", "optimizer.base_lr"),
    ("lr", "optimizer.base_lr"),
    ("mixup", "train.mixup_alpha"),
    ("momentum", "optimizer.kwargs.momentum"),
    ("num_epochs", "train.epochs"),
    ("num_workers", "train.data_workers"),
    ("pretrained", "train.finetune_from"),
    ("resolution", "data.configs.image_size"),
    ("root", "data.configs.data_dir"),
    ("scheduler", "lr_scheduler.name"),
    ("seed", "seed.init"),
    ("wd", "optimizer.weight_decay"),
    ("workers", "train.data_workers"),
];

/// The setting at a path; the message for one that does not exist names those that may be meant: by another name, by a path that
/// ends so, or by the letters.
pub(super) fn setting(path: &str) -> std::result::Result<&'static Setting, String> {
    /// Suggestions in one message.
    const SHOWN: usize = 3;
    SETTINGS.iter().find(|known| known.path == path).ok_or_else(|| {
        let known = || SETTINGS.iter().map(|setting| setting.path.as_str());
        let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_lowercase().replace('-', "_");
        let word = last(path);
        let by_name = OTHER_NAMES.iter().filter(|(name, _)| *name == word).map(|(_, path)| *path);
        let by_end = known().filter(|known| last(known) == word);
        let mut meant: Vec<&str> = by_name.chain(by_end).collect();
        meant.extend(nearest(path, known()));
        let mut seen = HashSet::new();
        meant.retain(|path| seen.insert(*path));
        meant.truncate(SHOWN);
        format!("unknown setting {path}; did you mean {}?", meant.join(", "))
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Registry;

    #[test]
    fn every_setting_of_every_key_can_be_overridden() {
        let registry = Registry::load().unwrap();
        for key in registry.keys() {
            for (path, _) in flat_settings(&registry.get(key).unwrap()) {
                assert!(path == "key" || setting(&path).is_ok(), "{key}: {path}");
            }
        }
    }

    #[test]
    fn an_unknown_setting_names_the_one_that_is_meant() {
        for (path, meant) in [
            ("data.image_path", "data.configs.data_dir"),
            ("batch_size", "train.batch_size"),
            ("lr", "optimizer.base_lr"),
            ("train.epoch", "train.epochs"),
            ("data.configs.img-size", "data.configs.image_size"),
        ] {
            let message = setting(path).unwrap_err();
            assert!(message.contains(&format!("did you mean {meant}")), "{message}");
        }
        assert!(OTHER_NAMES.iter().all(|(_, path)| setting(path).is_ok()));
    }

    #[test]
    fn arguments_of_every_rule_and_schedule_have_paths() {
        let json = [
            "optimizer.kwargs.nesterov",
            "optimizer.kwargs.betas",
            "lr_scheduler.kwargs.T_max",
            "lr_scheduler",
        ];
        assert!(json.iter().all(|path| setting(path).is_ok_and(|setting| setting.kind == Kind::Json)));
        let text =
            ["optimizer.name", "lr_scheduler.name", "script", "train.precision", "data.index_paths.dev"];
        assert!(text.iter().all(|path| setting(path).is_ok_and(|setting| setting.kind == Kind::Text)));
        assert!(setting("key").is_err());
    }
}
