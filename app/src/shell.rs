//! What surrounds the panels: tabs above, runs at the side, device and jobs below, and keys.

mod keys;
mod side;
mod status;
mod tabs;
mod welcome;

#[cfg(test)]
mod tests;

use egui::{CentralPanel, Panel, Ui};

use crate::command::Command;
use crate::context::{Cx, Workspace};
use crate::panel::Panels;

/// Name of the filter's text field, for the shortcut that moves the cursor there.
const FILTER: &str = "filter of runs";
/// Name of the dialog that opens a folder.
const OPEN: &str = "open folder";

/// What the parts around the panels remember.
#[derive(Default)]
pub struct Shell {
    side: side::Side,
    welcome: welcome::Welcome,
}

impl Shell {
    /// Draws the whole window, with the panel that the settings name in the middle.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        workspace: &Workspace,
        panels: &mut Panels,
        commands: &mut Vec<Command>,
    ) {
        let settings = &workspace.settings;
        let titles: Vec<&'static str> = panels.titles().collect();
        let shown = panels.of_title(&settings.panel);
        keys::read(ui.ctx(), &titles, commands);
        Panel::top("tabs").show(ui, |ui| {
            tabs::ui(ui, &titles, shown.title(), settings.theme, commands);
        });
        Panel::bottom("status").show(ui, |ui| status::ui(ui, workspace, commands));
        Panel::left("runs")
            .default_size(340.0)
            .min_size(200.0)
            .show(ui, |ui| self.side.ui(ui, &mut Cx::new(workspace, commands)));
        CentralPanel::default().show(ui, |ui| {
            let cx = &mut Cx::new(workspace, commands);
            let has_runs = workspace.runs.count().is_some_and(|count| count > 0);
            match has_runs || !shown.needs_runs() {
                true => shown.ui(ui, cx),
                false => self.welcome.ui(ui, cx),
            }
        });
    }
}
