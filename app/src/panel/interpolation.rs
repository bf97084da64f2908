//! Interpolation.

use egui::Ui;

use crate::context::Cx;
use crate::widget::hint;

/// What the panel remembers.
#[derive(Default)]
pub struct InterpolationPanel {}

impl InterpolationPanel {
    /// Draws the panel.
    pub fn ui(&mut self, ui: &mut Ui, _: &mut Cx) {
        hint(ui, "");
    }
}
