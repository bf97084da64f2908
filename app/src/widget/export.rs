//! Writing figures to files: SVG, PNG and CSV, by the library's own code.

use std::path::{Path, PathBuf};

use basin_core::figure::Figure;
use egui::{Key, KeyboardShortcut, Modifiers, Ui};

use crate::background::Slot;
use crate::context::Cx;

/// Exports the first figure that is shown.
pub const SHORTCUT: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::E);

/// The figure that is being exported, and where to.
#[derive(Default)]
pub struct Export {
    /// Name of the figure whose form is open, and the stem of its files.
    form: Option<(String, String)>,
    written: Slot<PathBuf>,
}

impl Export {
    /// A sentence about an export that has ended since the last call.
    pub fn news(&mut self) -> Option<String> {
        if !self.written.poll() {
            return None;
        }
        let written = self.written.value().map(|stem| format!("wrote {}.svg, .png and .csv", stem.display()));
        self.written.error().map(str::to_owned).or(written)
    }
}

/// A button that opens a form with the place to export to; the figures of all panels share the form.
pub fn export_button<F: Figure + Clone + Send + 'static>(ui: &mut Ui, cx: &mut Cx, name: &str, figure: &F) {
    let shortcut = ui.ctx().format_shortcut(&SHORTCUT);
    let button = ui.button("Export…").on_hover_text(format!("Writes SVG, PNG and CSV ({shortcut})"));
    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Export {name}")));
    if button.clicked() || ui.input_mut(|input| input.consume_shortcut(&SHORTCUT)) {
        let stem = cx.runs.base().join("figures").join(file_name(name));
        cx.export.form = Some((name.to_owned(), stem.display().to_string()));
    }
    let Some((_, mut stem)) = cx.export.form.take_if(|(of, _)| of == name) else { return };
    let mut is_open = true;
    ui.horizontal(|ui| {
        let label = ui.label("Files, without ending");
        ui.text_edit_singleline(&mut stem).labelled_by(label.id);
        if ui.button("Save SVG, PNG and CSV").clicked() {
            let (figure, stem) = (figure.clone(), PathBuf::from(&stem));
            cx.export.written.start(ui.ctx(), move || figure.save(&stem).map(|()| stem));
            is_open = false;
        }
        is_open &= !ui.button("Cancel").clicked();
    });
    if is_open {
        cx.export.form = Some((name.to_owned(), stem));
    }
}

/// A name that every system takes.
fn file_name(name: &str) -> PathBuf {
    let name = name.replace(|c: char| !c.is_alphanumeric() && !"-_. ".contains(c), "-");
    Path::new(&name).to_owned()
}
