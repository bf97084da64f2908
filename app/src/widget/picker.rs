//! Choosing a checkpoint: one of the selected runs, or any file.

use std::path::{Path, PathBuf};

use egui::{ComboBox, Ui};

use crate::command::Command;
use crate::context::Cx;

/// Draws the choice of a checkpoint, and returns whether it changed. Each picker of a panel needs a `label` of its own.
pub fn checkpoint(ui: &mut Ui, cx: &mut Cx, label: &str, choice: &mut Option<PathBuf>) -> bool {
    let before = choice.clone();
    ui.horizontal(|ui| {
        ui.label(label);
        let text =
            choice.as_deref().map_or("choose a checkpoint".to_owned(), |path| short(cx.runs.base(), path));
        let combo = ComboBox::new(label, "").width(340.0).selected_text(text).height(400.0);
        let response = combo.show_ui(ui, |ui| {
            let mut is_empty = true;
            for run in cx.runs.selected() {
                let Some(view) = cx.runs.view(&run) else { continue };
                for path in &view.checkpoints {
                    is_empty = false;
                    let text = short(cx.runs.base(), path);
                    ui.selectable_value(choice, Some(path.clone()), text);
                }
            }
            if is_empty {
                ui.label("Select runs on the left to choose from their checkpoints.");
            }
        });
        response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, label));
        let id = ui.scope_id().with(("file", label));
        let file = ui.button("File…");
        file.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("{label}: file")));
        if file.clicked() {
            cx.commands.push(Command::PickCheckpoint(id));
        }
        if let Some(path) = cx.dialogs.picked(id) {
            *choice = Some(path);
        }
    });
    *choice != before
}

/// A path as it is shown: relative to the base folder, or to the folder above it.
pub fn short(base: &Path, path: &Path) -> String {
    let parent = base.parent().filter(|parent| *parent != Path::new(""));
    let path = path.strip_prefix(base).ok().or_else(|| path.strip_prefix(parent?).ok()).unwrap_or(path);
    path.display().to_string().replace("/checkpoints/", " · ")
}
