//! Checkpoint.

use egui::Ui;

use crate::context::Cx;
use crate::widget::hint;

/// What the panel remembers.
#[derive(Default)]
pub struct CheckpointPanel {}

impl CheckpointPanel {
    /// Looks at a checkpoint.
    pub fn open(&mut self, path: std::path::PathBuf) {
        drop(path);
    }

    /// Draws the panel.
    pub fn ui(&mut self, ui: &mut Ui, _: &mut Cx) {
        hint(ui, "");
    }
}
