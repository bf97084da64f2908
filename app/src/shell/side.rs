//! The side panel: the tree of keys with a filter, and what is selected.

use std::collections::HashSet;

use basin_core::run::{Located, Status, score_in_digits};
use egui::{Id, Key, RichText, ScrollArea, TextEdit, Ui};

use super::keys;
use crate::app::App;
use crate::panel::runs::count;
use crate::runs::{Beside, Group, Runs};
use crate::widget::{hint, problem};

/// Name of the filter, by which keys find it.
pub const FILTER: &str = "filter of runs";
/// Name of the button that opens a folder.
pub const OPEN: &str = "open folder";

/// What the side panel remembers.
#[derive(Default)]
pub struct Side {
    closed: HashSet<String>,
    /// Lines of the tree, and of which state of the runs they are.
    lines: Vec<Line>,
    of: Option<u64>,
}

/// A line of the tree.
#[derive(Debug, Clone, PartialEq)]
enum Line {
    /// A part that keys begin with.
    Folder { path: String, name: String, depth: usize, is_open: bool },
    /// The runs of a key, by its number in the list.
    Key { group: usize, name: String, depth: usize },
}

/// Draws the panel.
pub fn ui(app: &mut App, ui: &mut Ui) {
    head(app, ui);
    let App { side, runs, .. } = app;
    side.arrange(runs);
    let line_height = ui.spacing().interact_size.y;
    let mut toggled = None;
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, line_height, side.lines.len(), |ui, shown| {
        for line in &side.lines[shown] {
            ui.horizontal(|ui| match line {
                Line::Folder { path, name, depth, is_open } => {
                    ui.add_space(*depth as f32 * 14.0);
                    let arrow = if *is_open { "⏷" } else { "⏵" };
                    if ui.selectable_label(false, format!("{arrow} {name}")).clicked() {
                        toggled = Some(path.clone());
                    }
                }
                Line::Key { group, name, depth } => {
                    ui.add_space(*depth as f32 * 14.0 + 6.0);
                    let group = runs.shown()[*group].clone();
                    key(runs, ui, &group, name);
                }
            });
        }
    });
    if let Some(path) = toggled {
        side.of = None;
        if !side.closed.remove(&path) {
            side.closed.insert(path);
        }
    }
}

/// Folder and filter.
fn head(app: &mut App, ui: &mut Ui) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let shortcut = ui.ctx().format_shortcut(&keys::OPEN_FOLDER);
        if ui.button("Open folder…").on_hover_text(shortcut).clicked() {
            app.dialogs.pick_folder(ui.ctx(), Id::unique(OPEN));
        }
        ui.add(egui::Label::new(app.runs.base().display().to_string()).truncate());
    });
    if let Some(folder) = app.dialogs.picked(Id::unique(OPEN)) {
        app.open_folder(ui.ctx(), &folder);
    }
    let mut filter = app.runs.filter().0.to_owned();
    let edit =
        TextEdit::singleline(&mut filter).id(Id::unique(FILTER)).hint_text("filter: a regular expression");
    let response = ui.add(edit.desired_width(f32::INFINITY));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Filter"));
    if response.has_focus() && ui.input(|input| input.key_pressed(Key::Escape)) {
        filter.clear();
    }
    if filter != app.runs.filter().0 {
        app.runs.set_filter(filter);
    }
    if let Some(wrong) = app.runs.filter().1 {
        problem(ui, wrong);
    }
    if let Some(error) = app.runs.error() {
        problem(ui, error);
    }
    let shown: usize = app.runs.shown().iter().map(|group| group.runs.len()).sum();
    match app.runs.count() {
        None => drop(ui.spinner()),
        Some(all) => {
            hint(ui, &format!("{shown} of {}, {} selected", count(all, "run"), app.runs.selected().len()))
        }
    }
    ui.separator();
}

/// A key with the state of its runs.
fn key(runs: &mut Runs, ui: &mut Ui, group: &Group, name: &str) {
    let is_selected = group.runs.iter().any(|run| runs.is_selected(run));
    let mut text = name.to_owned();
    if group.runs.len() > 1 {
        text += &format!("  ×{}", group.runs.len());
    }
    let response = ui.selectable_label(is_selected, text);
    if response.clicked() {
        let beside = if ui.input(|input| input.modifiers.command) { Beside::Others } else { Beside::Nothing };
        runs.select(&group.runs, beside);
    }
    let state = state(runs, &group.runs);
    ui.label(RichText::new(state).weak().small());
}

/// How far the runs of a key are, in a few characters.
fn state(runs: &mut Runs, group: &[Located]) -> String {
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

impl Side {
    /// Makes the lines of the tree anew if the list has changed.
    fn arrange(&mut self, runs: &Runs) {
        if self.of == Some(runs.listed()) {
            return;
        }
        self.of = Some(runs.listed());
        self.lines = lines(runs.shown(), &self.closed);
    }
}

/// A line for each folder that keys share and is not hidden by a closed one, and for each key below it.
fn lines(groups: &[Group], closed: &HashSet<String>) -> Vec<Line> {
    let mut lines = Vec::new();
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
                lines.push(Line::Folder { path, name: folders[depth].to_owned(), depth, is_open });
            }
            open.push(folders[depth]);
            is_hidden |= !is_open;
        }
        if !is_hidden {
            lines.push(Line::Key { group: number, name: (*name).to_owned(), depth: folders.len() });
        }
    }
    lines
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
            let line = |line: &Line| match line {
                Line::Folder { path, depth, .. } => format!("{depth} {path}/"),
                Line::Key { name, depth, .. } => format!("{depth} {name}"),
            };
            lines(&groups, &closed).iter().map(line).collect()
        };
        assert_eq!(text(&[]), ["0 a/", "1 a/b/", "2 x", "2 y", "1 c", "0 d"]);
        assert_eq!(text(&["a/b"]), ["0 a/", "1 a/b/", "1 c", "0 d"]);
        assert_eq!(text(&["a"]), ["0 a/", "0 d"]);
    }
}
