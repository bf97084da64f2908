//! The row of tabs, and the choice of light or dark colours.

use egui::{ThemePreference, Ui};

use super::keys;
use crate::command::Command;

/// Draws the row; `shown` is the title of the panel below it.
pub fn ui(
    ui: &mut Ui,
    titles: &[&'static str],
    shown: &str,
    theme: ThemePreference,
    commands: &mut Vec<Command>,
) {
    ui.horizontal_wrapped(|ui| {
        for (number, &title) in titles.iter().enumerate() {
            let mut tab = ui.selectable_label(shown == title, title);
            if let Some(shortcut) = keys::tab(number) {
                tab = tab.on_hover_text(ui.ctx().format_shortcut(&shortcut));
            }
            if tab.clicked() {
                commands.push(Command::ShowPanel(title));
            }
        }
        ui.separator();
        let names = [
            (ThemePreference::Light, "Light"),
            (ThemePreference::Dark, "Dark"),
            (ThemePreference::System, "System"),
        ];
        for (choice, name) in names {
            if ui.selectable_label(theme == choice, name).clicked() {
                commands.push(Command::UseTheme(choice));
            }
        }
    });
}
