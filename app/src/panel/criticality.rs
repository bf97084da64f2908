//! What each module is worth: rewinding, and criticality.

mod rewinding;
mod surfaces;

use egui::{ScrollArea, Ui};

use self::rewinding::Rewinder;
use self::surfaces::Surfaces;
use crate::context::Cx;
use crate::panel::Panel;

/// What the panel remembers.
#[derive(Default)]
pub struct CriticalityPanel {
    question: Question,
    rewinding: Rewinder,
    surfaces: Surfaces,
}

/// What is asked of modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Question {
    /// What does it cost to set one back?
    #[default]
    Rewinding,
    /// How far can one go back, and how much noise does it bear there?
    Criticality,
}

impl Panel for CriticalityPanel {
    fn title(&self) -> &'static str {
        "Criticality"
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.radio_value(&mut self.question, Question::Rewinding, "Rewinding of modules");
                ui.radio_value(&mut self.question, Question::Criticality, "Criticality of modules");
            });
            match self.question {
                Question::Rewinding => self.rewinding.ui(ui, cx),
                Question::Criticality => self.surfaces.ui(ui, cx),
            }
        });
    }
}
