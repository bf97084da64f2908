//! The choice of a data set: that of a run, or of a key of the registry; and its folder.

use std::path::Path;

use basin_core::config::{Data, Experiment, Registry};
use basin_core::error::{Error, Result};
use basin_core::file::text_in_home;
use basin_core::setting::nearest;
use egui::{TextEdit, Ui};

use crate::command::Command;
use crate::context::Cx;

/// Keys that are suggested while one is typed.
const SUGGESTED: usize = 6;

/// A choice of a data set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Source {
    /// A key; empty for the settings of the run.
    pub key: String,
    /// The folder of the data; empty for that of the settings.
    pub data_dir: String,
    /// Keys that are similar to what was typed.
    pub suggestions: Vec<String>,
}

impl Source {
    /// Draws the choice.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("Key");
            let edit = TextEdit::singleline(&mut self.key).hint_text("that of the run").desired_width(360.0);
            let is_changed = ui.add(edit).labelled_by(label.id).changed();
            let label = ui.label("Data folder");
            let edit = TextEdit::singleline(&mut self.data_dir).hint_text("as the settings say");
            ui.add(edit.desired_width(240.0)).labelled_by(label.id);
            if is_changed {
                self.suggestions = suggestions(self.key.trim(), cx.runs.registry());
            }
            let id = ui.scope_id().with("data folder");
            if ui.button("Folder…").clicked() {
                cx.commands.push(Command::PickFolder(id));
            }
            if let Some(folder) = cx.dialogs.picked(id) {
                self.data_dir = folder.display().to_string();
            }
        });
        if self.suggestions.is_empty() {
            return;
        }
        let mut chosen = None;
        ui.horizontal_wrapped(|ui| {
            for key in &self.suggestions {
                if ui.small_button(key).clicked() {
                    chosen = Some(key.clone());
                }
            }
        });
        if let Some(key) = chosen {
            self.key = key;
            self.suggestions.clear();
        }
    }

    /// The settings that were chosen: those of the key, or a run's own.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown key.
    pub fn settings(&self, own: Option<Experiment>, registry: &Registry) -> Result<Option<Experiment>> {
        let experiment = match self.key.trim() {
            "" => own,
            key => Some(registry.get(key)?),
        };
        Ok(experiment.map(|mut experiment| {
            if !self.data_dir.trim().is_empty() {
                experiment.data.configs.data_dir = text_in_home(self.data_dir.trim().to_owned());
            }
            experiment
        }))
    }
}

/// Keys that contain a text, or else the most similar ones; none if the text is a key.
fn suggestions(text: &str, registry: &Registry) -> Vec<String> {
    if text.is_empty() || registry.keys().any(|key| key == text) {
        return Vec::new();
    }
    let containing: Vec<&str> = registry.keys().filter(|key| key.contains(text)).take(SUGGESTED).collect();
    let keys = if containing.is_empty() { nearest(text, registry.keys()) } else { containing };
    keys.into_iter().map(str::to_owned).collect()
}

/// Makes sure that the folder of the data exists; drawn images need none.
///
/// # Errors
/// [`Error::Data`] naming the folder, and where to name another.
pub fn check_folder(data: &Data) -> Result<()> {
    let folder = &data.configs.data_dir;
    if basin_core::data::source(&data.name)?.needs().is_none() || Path::new(folder).is_dir() {
        return Ok(());
    }
    Err(Error::data(format!("the data folder {folder} is not there; name where it is now under Data folder")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_contain_what_is_typed_or_are_like_it() {
        let registry = Registry::load().unwrap();
        let keys = suggestions("demo/Shapes_photo", &registry);
        assert!(!keys.is_empty() && keys.iter().all(|key| key.contains("demo/Shapes_photo")));
        let key = "demo/Shapes_photo/fixup_resnet18/pretrain";
        assert_eq!(suggestions(key, &registry), Vec::<String>::new());
        assert_eq!(suggestions("demo/Shapes_photo/fixup_resnet18/pretrian", &registry)[0], key);
    }
}
