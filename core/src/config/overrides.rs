//! Settings by dotted path, as `--set` and the families name them.

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
        let value = match setting(path).map_err(Error::Usage)?.kind {
            Kind::Text if value != "null" => Value::from(value),
            _ => serde_json::from_str(value)
                .map_err(|_| misfit(std::slice::from_ref(text), "it is no JSON"))?,
        };
        if let Some(owner) = path.strip_suffix(".name")
            && settings.pointer(&pointer(path)) != Some(&value)
            && setting(&format!("{owner}.kwargs")).is_ok()
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
    Error::usage(format!(
        "{} does not fit: {reason}; see `runner show KEY` for the form",
        overrides.join(" ")
    ))
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

/// The setting at a path; the message for one that does not exist names the nearest that do.
pub(super) fn setting(path: &str) -> std::result::Result<&'static Setting, String> {
    SETTINGS.iter().find(|known| known.path == path).ok_or_else(|| {
        let known = SETTINGS.iter().map(|setting| setting.path.as_str());
        format!("unknown setting {path}; did you mean {}?", nearest(path, known).join(", "))
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
