//! The choice of a result that is on disk, computed here or by the runner.

use std::path::{Path, PathBuf};

use egui::{ComboBox, Ui};

use super::picker::short;
use crate::context::Cx;

/// Offers the results of a kind, those of the selected runs and of checkpoints that lie in no run. Returns the folder of one when
/// it is chosen.
pub fn stored(ui: &mut Ui, cx: &Cx, kind: &str) -> Option<PathBuf> {
    let mut chosen = None;
    let combo =
        ComboBox::new(("results", kind), "").width(420.0).selected_text("Open a result…").height(400.0);
    let response = combo.show_ui(ui, |ui| {
        let views: Vec<_> = cx.runs.selected().iter().filter_map(|run| cx.runs.view(run)).collect();
        let all = views.iter().flat_map(|view| &view.results).chain(cx.runs.loose_results());
        let all = all.filter(|result| result.kind == kind);
        let mut is_empty = true;
        for result in all {
            is_empty = false;
            if ui.selectable_label(false, label(cx.runs.base(), &result.folder)).clicked() {
                chosen = Some(result.folder.clone());
            }
        }
        if is_empty {
            ui.label("The selected runs have no such result yet; compute one here or with the runner.");
        }
    });
    response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Stored results"));
    chosen
}

/// The name of a result's folder in the list.
fn label(base: &Path, folder: &Path) -> String {
    let text = short(&basin_core::run::absolute(base), folder);
    text.replace("/analysis/", " · ")
}
