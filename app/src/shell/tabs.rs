//! The row of tabs, and light or dark.

use egui::{ThemePreference, Ui};

use super::keys;
use crate::app::App;
use crate::panel::Tab;

/// Draws the row.
pub fn ui(app: &mut App, ui: &mut Ui) {
    ui.horizontal_wrapped(|ui| {
        for (number, tab) in Tab::ALL.into_iter().enumerate() {
            let is_shown = app.settings.tab == tab;
            let hint = ui.ctx().format_shortcut(&keys::tab(number));
            if ui.selectable_label(is_shown, tab.title()).on_hover_text(hint).clicked() {
                app.settings.tab = tab;
            }
        }
        ui.separator();
        let before = app.settings.theme;
        let names = [
            (ThemePreference::Light, "Light"),
            (ThemePreference::Dark, "Dark"),
            (ThemePreference::System, "System"),
        ];
        for (theme, name) in names {
            ui.selectable_value(&mut app.settings.theme, theme, name);
        }
        if app.settings.theme != before {
            ui.ctx().set_theme(app.settings.theme);
        }
    });
}
