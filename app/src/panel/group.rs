//! Panels that share a tab.

use egui::Ui;

use crate::context::Cx;
use crate::panel::Panel;

/// Panels with their names, one of which is shown.
pub struct Group {
    title: &'static str,
    panels: Vec<(&'static str, Box<dyn Panel>)>,
    shown: usize,
}

impl Group {
    /// A tab of this title.
    pub fn new(title: &'static str) -> Self {
        Self { title, panels: Vec::new(), shown: 0 }
    }

    /// The same with another panel.
    pub fn with(mut self, name: &'static str, panel: impl Panel) -> Self {
        self.panels.push((name, Box::new(panel)));
        self
    }
}

impl Panel for Group {
    fn title(&self) -> &'static str {
        self.title
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        ui.horizontal(|ui| {
            for (number, (name, _)) in self.panels.iter().enumerate() {
                ui.radio_value(&mut self.shown, number, *name);
            }
        });
        if let Some((_, panel)) = self.panels.get_mut(self.shown) {
            panel.ui(ui, cx);
        }
    }
}
