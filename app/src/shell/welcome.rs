//! What is shown where there are no runs.

use egui::{Id, Ui};

use crate::context::{Command, Cx};
use crate::widget::hint;

/// What the panel remembers.
#[derive(Default)]
pub struct Welcome {}

impl Welcome {
    /// Draws the panel.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        if cx.runs.count().is_none() && cx.runs.error().is_none() {
            ui.spinner();
            return;
        }
        ui.heading("Basin");
        ui.label(format!("There are no runs in {}.", cx.runs.base().display()));
        ui.add_space(8.0);
        if ui.button("Choose a folder of runs…").clicked() {
            cx.dialogs.pick_folder(ui.ctx(), Id::unique("welcome"));
        }
        if let Some(folder) = cx.dialogs.picked(Id::unique("welcome")) {
            cx.commands.push(Command::OpenFolder(folder));
        }
        hint(ui, "A checkpoint can also be dropped on this window.");
    }
}
