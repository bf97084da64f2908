//! The selected runs: how far each is, its best result, and where their settings differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use basin_core::config::flat_settings;
use basin_core::figure::Table;
use basin_core::number::or_absent;
use basin_core::run::{Status, Summary, score_in_digits};
use egui::{ScrollArea, Ui};

use crate::context::Cx;
use crate::kept::Kept;
use crate::panel::Panel;
use crate::runs::{RunView, run_name};
use crate::widget::table::table;
use crate::widget::{count, hint, problem};

/// What the panel remembers.
#[derive(Default)]
pub struct RunsPanel {
    shows_all_settings: bool,
    /// For a version of the runs, with all settings or without.
    tables: Kept<(u64, bool), Tables>,
}

struct Tables {
    overview: Table,
    settings: Table,
    problems: Vec<String>,
}

impl Panel for RunsPanel {
    fn title(&self) -> &'static str {
        "Runs"
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let selected = cx.runs.selected();
        if selected.is_empty() {
            hint(ui, "Select runs on the left: a click selects a key, Ctrl and a click adds one.");
            return;
        }
        let views: Vec<Arc<RunView>> = selected.iter().filter_map(|run| cx.runs.view(run)).collect();
        let state = (cx.runs.version(), self.shows_all_settings);
        let tables = self.tables.get(state, |(_, all_settings)| Tables::of(&views, *all_settings));
        ScrollArea::vertical().show(ui, |ui| {
            ui.heading(format!("{} selected", count(selected.len(), "run")));
            if views.len() < selected.len() {
                ui.spinner();
            }
            tables.problems.iter().for_each(|sentence| problem(ui, sentence));
            table(ui, "selected runs", &tables.overview, 260.0);
            ui.add_space(12.0);
            ui.heading("Settings");
            ui.checkbox(&mut self.shows_all_settings, "All settings, not only those that differ");
            match tables.settings.rows.is_empty() {
                true => hint(ui, "The settings of the selected runs are the same."),
                false => drop(table(ui, "settings", &tables.settings, 600.0)),
            }
        });
    }
}

impl Tables {
    fn of(views: &[Arc<RunView>], all_settings: bool) -> Self {
        let mut problems = Vec::new();
        let mut known: Vec<(String, &Summary)> = Vec::new();
        for view in views {
            match &view.summary {
                Ok(summary) => known.push((run_name(&view.run), summary)),
                Err(error) => problems.push(error.clone()),
            }
        }
        let titles = ["run", "status", "epoch", "of", "best", "at epoch", "measured by"];
        let row = |(name, summary): &(String, &Summary)| {
            let best = summary.best();
            let count = |value: Option<usize>| or_absent(value, |value| value.to_string());
            vec![
                name.clone(),
                status_word(summary.status()).to_owned(),
                count(summary.epoch()),
                count(summary.epochs()),
                or_absent(best, |(tag, _, value)| score_in_digits(tag, value)),
                count(best.map(|(_, epoch, _)| epoch)),
                or_absent(best, |(tag, ..)| tag.to_owned()),
            ]
        };
        let overview =
            Table { columns: titles.map(str::to_owned).to_vec(), rows: known.iter().map(row).collect() };
        Self { overview, settings: settings(&known, all_settings), problems }
    }
}

/// A row for each setting, a column for each run.
fn settings(runs: &[(String, &Summary)], all: bool) -> Table {
    let mut paths: Vec<String> = Vec::new();
    let mut columns: Vec<BTreeMap<String, String>> = Vec::new();
    for (_, summary) in runs {
        let flat = summary.experiment.as_ref().map(flat_settings).unwrap_or_default();
        for (path, _) in &flat {
            if !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        columns.push(flat.into_iter().map(|(path, value)| (path, value.to_string())).collect());
    }
    let cell = |column: &BTreeMap<String, String>, path: &str| {
        or_absent(column.get(path), |value| value.trim_matches('"').to_owned())
    };
    let row = |path: &String| -> Vec<String> {
        std::iter::once(path.clone()).chain(columns.iter().map(|column| cell(column, path))).collect()
    };
    let differs = |row: &Vec<String>| row[1..].iter().any(|value| value != &row[1]);
    let shows_all = all || runs.len() == 1;
    Table {
        columns: std::iter::once("setting".to_owned())
            .chain(runs.iter().map(|(name, _)| name.clone()))
            .collect(),
        rows: paths.iter().map(row).filter(|row| shows_all || differs(row)).collect(),
    }
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Done => "done",
        Status::Running => "running",
        Status::Stopped => "stopped",
        Status::Unknown => "unknown length",
    }
}
