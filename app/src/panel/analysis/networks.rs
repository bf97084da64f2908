//! The choice of the networks that an analysis is asked about.

use std::path::{Path, PathBuf};

use basin_core::analysis::Networks;
use egui::Ui;

use crate::context::Cx;
use crate::widget::picker;

/// A picker for each network.
pub struct NetworkChoice {
    about: Option<&'static Networks>,
    chosen: Vec<Option<PathBuf>>,
}

impl NetworkChoice {
    /// As many pickers as there are roles; none for an analysis of finished runs.
    pub fn of(about: Option<&'static Networks>) -> Self {
        Self { about, chosen: vec![None; about.map_or(0, |about| about.roles.len())] }
    }

    /// Draws the pickers, and buttons that add networks and take them away.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let Some(about) = self.about else { return };
        let mut removed = None;
        for (number, choice) in self.chosen.iter_mut().enumerate() {
            ui.horizontal(|ui| {
                let label = label(about, number);
                picker::checkpoint(ui, cx, &label, choice);
                if number >= about.roles.len() {
                    let button = ui.button("✖").on_hover_text("Takes it off the list");
                    let name = format!("Remove {label}");
                    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone()));
                    removed = button.clicked().then_some(number).or(removed);
                }
            });
        }
        if let Some(number) = removed {
            self.chosen.remove(number);
        }
        if self.chosen.len() < about.most {
            ui.horizontal(|ui| {
                if ui.button("Add a network").clicked() {
                    self.chosen.push(None);
                }
                if ui.button("Add the best of the selected runs").clicked() {
                    for run in cx.runs.selected() {
                        let view = cx.runs.view(&run);
                        if let Some(path) = view.and_then(|view| view.checkpoints.first().cloned()) {
                            self.add(path);
                        }
                    }
                }
            });
        }
    }

    /// Chooses a network that is not chosen yet, where there is an empty picker, or in a new one.
    pub fn add(&mut self, path: PathBuf) {
        if self.chosen.iter().flatten().any(|known| *known == path) {
            return;
        }
        match self.chosen.iter_mut().find(|choice| choice.is_none()) {
            Some(empty) => *empty = Some(path),
            None => self.chosen.push(Some(path)),
        }
    }

    /// The first that is chosen.
    pub fn first(&self) -> Option<&Path> {
        self.chosen.iter().flatten().next().map(PathBuf::as_path)
    }

    /// Those that are chosen, if there are enough; none where an option is set in place of which they are named.
    pub fn chosen(&self, is_set: impl Fn(&str) -> bool) -> Option<Vec<PathBuf>> {
        let chosen: Vec<PathBuf> = self.chosen.iter().flatten().cloned().collect();
        match self.about {
            None => Some(Vec::new()),
            Some(about) if about.unless.is_some_and(&is_set) => Some(Vec::new()),
            Some(about) => (chosen.len() >= about.least).then_some(chosen),
        }
    }
}

/// What the network of a number is called where it is chosen.
fn label(about: &Networks, number: usize) -> String {
    match about.roles.get(number) {
        Some(role) => (*role).to_owned(),
        None => format!("{} ({})", about.roles.last().copied().unwrap_or("Network"), number + 1),
    }
}
