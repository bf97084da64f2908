//! Writing figures to files: SVG, PNG and CSV, by the library's own code.

use std::path::{Path, PathBuf};

use basin_core::figure::Figure;
use egui::{Id, Key, KeyboardShortcut, Modifiers, Ui};

use crate::command::Command;
use crate::context::Cx;

/// Opens the form of the first figure that is shown.
pub const SHORTCUT: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::E);

/// Key in egui's memory of the open form: the figure's name, and the path of its files without ending.
const FORM: &str = "export form";

/// A button that opens a form for the files to write. Only one form is open in the window.
pub fn export_button<F: Figure + Clone + Send + 'static>(ui: &mut Ui, cx: &mut Cx, name: &str, figure: &F) {
    let shortcut = ui.ctx().format_shortcut(&SHORTCUT);
    let button = ui.button("Export…").on_hover_text(format!("Writes SVG, PNG and CSV ({shortcut})"));
    button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Export {name}")));
    let id = Id::unique(FORM);
    if button.clicked() || ui.input_mut(|input| input.consume_shortcut(&SHORTCUT)) {
        let stem = cx.runs.base().join("figures").join(file_name(name));
        let form = (name.to_owned(), stem.display().to_string());
        ui.data_mut(|data| data.insert_temp(id, form));
    }
    let form = ui.data(|data| data.get_temp::<(String, String)>(id));
    let Some((_, mut stem)) = form.filter(|(of, _)| of == name) else { return };
    let mut is_open = true;
    ui.horizontal(|ui| {
        let label = ui.label("Files, without ending");
        ui.text_edit_singleline(&mut stem).labelled_by(label.id);
        if ui.button("Save SVG, PNG and CSV").clicked() {
            cx.commands.push(Command::Export(Box::new(figure.clone()), PathBuf::from(&stem)));
            is_open = false;
        }
        is_open &= !ui.button("Cancel").clicked();
    });
    ui.data_mut(|data| {
        if is_open {
            data.insert_temp(id, (name.to_owned(), stem));
        } else {
            data.remove::<(String, String)>(id);
        }
    });
}

/// A name without characters that some file system refuses.
fn file_name(name: &str) -> PathBuf {
    let name = name.replace(|c: char| !c.is_alphanumeric() && !"-_. ".contains(c), "-");
    Path::new(&name).to_owned()
}
