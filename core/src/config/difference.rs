//! In what two starts of a run differ.

use serde_json::Value;

use super::{Data, Experiment, Train, flat_settings};

/// A setting of which only the presence counts when runs are compared; a run records the digest of what it names.
const PRETRAINED: &str = "train.finetune_from";

impl Experiment {
    /// The settings that differ from another start of the same run, as `path: old -> new`. More epochs than before are
    /// no difference: the run goes on.
    pub fn difference(&self, new: &Self) -> Vec<String> {
        let [old_settings, new_settings] = [self, new].map(flat_settings);
        let find = |settings: &[(String, Value)], path: &str| {
            settings.iter().find(|(known, _)| known == path).map_or("none".to_owned(), |(_, v)| v.to_string())
        };
        let more_epochs = new.train.epochs >= self.train.epochs;
        let is_free = |path: &str| {
            let free = Data::FREE.iter().chain(&Train::FREE).any(|free| *free == path);
            free || path == "gpu_spec" || more_epochs && path == "train.epochs"
        };
        let added = new_settings.iter().filter(|(path, _)| !old_settings.iter().any(|(old, _)| old == path));
        old_settings
            .iter()
            .chain(added)
            .map(|(path, _)| path.as_str())
            .filter(|path| !is_free(path))
            .map(|path| (path, find(&old_settings, path), find(&new_settings, path)))
            .filter(|(path, old, new)| old != new && (*path != PRETRAINED || old == "null" || new == "null"))
            .map(|(path, old, new)| format!("{path}: {old} -> {new}"))
            .collect()
    }
}
