//! The side panel: the tree of keys with a filter, and what is selected.

use std::collections::HashSet;
use std::sync::Arc;

use basin_core::run::{Located, Status, score_in_digits};
use egui::{Id, Key, RichText, ScrollArea, TextEdit, Ui};

use super::{FILTER, OPEN, keys};
use crate::command::Command;
use crate::context::Cx;
use crate::runs::{Beside, Group, Runs};
use crate::widget::{count, hint, problem};

/// What the side panel remembers.
#[derive(Default)]
pub struct Side {
    closed: HashSet<String>,
    rows: Vec<TreeRow>,
    /// The list of keys that the rows are of.
    of: Option<Arc<[Group]>>,
}

/// A row of the tree.
#[derive(Debug, Clone, PartialEq)]
enum TreeRow {
    /// A prefix of keys that ends at a slash.
    Folder { path: String, name: String, depth: usize, is_open: bool },
    /// A key, by its index in the list of runs.
    Key { group: usize, name: String, depth: usize },
}

impl Side {
    /// Draws the panel.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        head(ui, cx);
        self.arrange(cx.runs);
        let runs = cx.runs;
        let row_height = ui.spacing().interact_size.y;
        let mut toggled = None;
        let area = ScrollArea::vertical().auto_shrink(false);
        area.show_rows(ui, row_height, self.rows.len(), |ui, shown| {
            for row in &self.rows[shown] {
                ui.horizontal(|ui| match row {
                    TreeRow::Folder { path, name, depth, is_open } => {
                        ui.add_space(*depth as f32 * 14.0);
                        let arrow = if *is_open { "⏷" } else { "⏵" };
                        if ui.selectable_label(false, format!("{arrow} {name}")).clicked() {
                            toggled = Some(path.clone());
                        }
                    }
                    TreeRow::Key { group, name, depth } => {
                        ui.add_space(*depth as f32 * 14.0 + 6.0);
                        key(ui, cx, &runs.shown()[*group], name);
                    }
                });
            }
        });
        if let Some(path) = toggled {
            self.of = None;
            if !self.closed.remove(&path) {
                self.closed.insert(path);
            }
        }
    }

    /// Makes the rows again if the list of keys has changed.
    fn arrange(&mut self, runs: &Runs) {
        let shown = runs.shown();
        if !self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, shown)) {
            self.of = Some(Arc::clone(shown));
            self.rows = rows(shown, &self.closed);
        }
    }
}

/// Folder and filter.
fn head(ui: &mut Ui, cx: &mut Cx) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let shortcut = ui.ctx().format_shortcut(&keys::OPEN_FOLDER);
        if ui.button("Open folder…").on_hover_text(shortcut).clicked() {
            cx.commands.push(Command::PickFolder(Id::unique(OPEN)));
        }
        ui.add(egui::Label::new(cx.runs.base().display().to_string()).truncate());
    });
    if let Some(folder) = cx.dialogs.picked(Id::unique(OPEN)) {
        cx.commands.push(Command::OpenFolder(folder));
    }
    let mut filter = cx.runs.filter().0.to_owned();
    let edit =
        TextEdit::singleline(&mut filter).id(Id::unique(FILTER)).hint_text("filter: a regular expression");
    let response = ui.add(edit.desired_width(f32::INFINITY));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Filter"));
    if response.has_focus() && ui.input(|input| input.key_pressed(Key::Escape)) {
        filter.clear();
    }
    if filter != cx.runs.filter().0 {
        cx.commands.push(Command::Filter(filter));
    }
    if let Some(wrong) = cx.runs.filter().1 {
        problem(ui, wrong);
    }
    if let Some(error) = cx.runs.error() {
        problem(ui, error);
    }
    let shown: usize = cx.runs.shown().iter().map(|group| group.runs.len()).sum();
    match cx.runs.count() {
        None => drop(ui.spinner()),
        Some(all) => {
            hint(ui, &format!("{shown} of {}, {} selected", count(all, "run"), cx.runs.selected().len()))
        }
    }
    ui.separator();
}

/// A key with the state of its runs.
fn key(ui: &mut Ui, cx: &mut Cx, group: &Group, name: &str) {
    let runs = cx.runs;
    let is_selected = group.runs.iter().any(|run| runs.is_selected(run));
    let mut text = name.to_owned();
    if group.runs.len() > 1 {
        text += &format!("  ×{}", group.runs.len());
    }
    let response = ui.selectable_label(is_selected, text);
    if response.clicked() {
        let beside = if ui.input(|input| input.modifiers.command) { Beside::Others } else { Beside::Nothing };
        cx.commands.push(Command::Select(group.runs.clone(), beside));
    }
    let state = state(runs, &group.runs);
    ui.label(RichText::new(state).weak().small());
}

/// A sign for the status of a key's first run, its epochs, and its best value.
fn state(runs: &Runs, group: &[Located]) -> String {
    let views: Vec<_> = group.iter().filter_map(|run| runs.view(run)).collect();
    let Some(first) = views.first() else { return "…".to_owned() };
    let summary = match &first.summary {
        Err(_) => return "⚠ cannot be read".to_owned(),
        Ok(summary) => summary,
    };
    let sign = match summary.status() {
        Status::Done => "✔",
        Status::Running => "▶",
        Status::Stopped => "⏸",
        Status::Unknown => "?",
    };
    let epochs = match (summary.epoch(), summary.epochs()) {
        (Some(epoch), Some(epochs)) if epoch < epochs => format!(" {epoch}/{epochs}"),
        (Some(epoch), _) => format!(" {epoch}"),
        (None, Some(epochs)) => format!(" -/{epochs}"),
        (None, None) => String::new(),
    };
    let best = summary.best().map(|(tag, _, value)| format!("  {}", score_in_digits(tag, value)));
    let best = best.unwrap_or_default();
    format!("{sign}{epochs}{best}")
}

/// A row for each folder and each key, without those below a closed folder.
fn rows(groups: &[Group], closed: &HashSet<String>) -> Vec<TreeRow> {
    let mut rows = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let parts: Vec<&str> = group.key.split('/').collect();
        let Some((name, folders)) = parts.split_last() else { continue };
        let shared = open.iter().zip(folders).take_while(|(a, b)| a == b).count();
        open.truncate(shared);
        let mut is_hidden = (1..=shared).any(|depth| closed.contains(&parts[..depth].join("/")));
        for depth in shared..folders.len() {
            let path = parts[..=depth].join("/");
            let is_open = !closed.contains(&path);
            if !is_hidden {
                rows.push(TreeRow::Folder { path, name: folders[depth].to_owned(), depth, is_open });
            }
            open.push(folders[depth]);
            is_hidden |= !is_open;
        }
        if !is_hidden {
            rows.push(TreeRow::Key { group: number, name: (*name).to_owned(), depth: folders.len() });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_shows_each_folder_once_and_hides_what_is_closed() {
        let group = |key: &str| Group { key: key.to_owned(), runs: Vec::new() };
        let groups = ["a/b/x", "a/b/y", "a/c", "d"].map(group);
        let text = |closed: &[&str]| -> Vec<String> {
            let closed = closed.iter().map(|path| (*path).to_owned()).collect();
            let text = |row: &TreeRow| match row {
                TreeRow::Folder { path, depth, .. } => format!("{depth} {path}/"),
                TreeRow::Key { name, depth, .. } => format!("{depth} {name}"),
            };
            rows(&groups, &closed).iter().map(text).collect()
        };
        assert_eq!(text(&[]), ["0 a/", "1 a/b/", "2 x", "2 y", "1 c", "0 d"]);
        assert_eq!(text(&["a/b"]), ["0 a/", "1 a/b/", "1 c", "0 d"]);
        assert_eq!(text(&["a"]), ["0 a/", "0 d"]);
    }
}
