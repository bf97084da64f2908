//! The report of results in the window: figures with a choice for each facet, tables, and sentences.

use std::collections::BTreeMap;

use basin_core::analysis::report::{FigureItem, Report, TableItem};
use basin_core::analysis::{Analysed, Analysis};
use egui::{ComboBox, Context, Ui};

use super::computation::State;
use crate::background::Slot;
use crate::context::Cx;
use crate::widget::drawing::{drawing, has_values};
use crate::widget::table::table;
use crate::widget::{capitalised, hint, problem};

/// Largest height of a table, points.
const TABLE: f32 = 300.0;

/// A report that is made beside the window's thread, since some read files.
#[derive(Default)]
pub struct ShownReport {
    report: Slot<Report>,
    /// What it is made of.
    made: Vec<State>,
    /// What is chosen of each facet.
    chosen: BTreeMap<&'static str, String>,
}

impl ShownReport {
    /// Makes the report anew where the results have changed, once the last one is made.
    pub fn update<A: Analysis>(
        &mut self,
        context: &Context,
        state: Vec<State>,
        results: impl FnOnce() -> Vec<Analysed<A::Output>>,
    ) {
        self.report.poll();
        if self.report.is_pending() || self.made == state {
            return;
        }
        self.made = state;
        let results = results();
        match results.is_empty() {
            true => self.report.clear(),
            false => self.report.start(context, move || A::report(&results, &[])),
        }
    }

    /// Draws it; names of figures begin with that of the analysis.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx, analysis: &str) {
        if let Some(error) = self.report.error() {
            problem(ui, error);
        }
        let Some(report) = self.report.value() else {
            if self.report.is_pending() {
                ui.spinner();
            }
            return;
        };
        report.lead.iter().for_each(|sentence| _ = ui.label(sentence));
        facets(ui, report, &mut self.chosen);
        let chosen = &self.chosen;
        let is_chosen = |item: &&FigureItem| {
            item.facets.iter().all(|(facet, value)| chosen.get(facet).is_none_or(|known| known == value))
        };
        let mut names: Vec<String> = Vec::new();
        for row in &report.rows {
            let mut is_drawn = false;
            for item in row.figures.iter().filter(is_chosen).filter(|item| has_values(&item.figure)) {
                let Some(name) = &item.names.result else { continue };
                let name = figure_name(analysis, name, &names);
                drawing(ui, cx, &name, &item.figure);
                names.push(name);
                is_drawn = true;
            }
            if is_drawn && !row.caption.is_empty() {
                hint(ui, &row.caption);
            }
        }
        for (number, item) in report.tables.iter().enumerate() {
            table_ui(ui, number, item);
        }
        report.notes.iter().for_each(|sentence| hint(ui, sentence));
    }

    /// The report, once it is made of what there is.
    #[cfg(test)]
    pub fn report(&self) -> Option<&Report> {
        self.report.value().filter(|_| !self.report.is_pending())
    }
}

/// Draws the choice of each facet that has more than one value.
fn facets(ui: &mut Ui, report: &Report, chosen: &mut BTreeMap<&'static str, String>) {
    let mut facets: Vec<(&'static str, Vec<&String>)> = Vec::new();
    for (facet, value) in report.figures().flat_map(|item| &item.facets) {
        let place = facets.iter().position(|(known, _)| known == facet).unwrap_or_else(|| {
            facets.push((*facet, Vec::new()));
            facets.len() - 1
        });
        let values = &mut facets[place].1;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    ui.horizontal_wrapped(|ui| {
        for (facet, values) in facets {
            let value = chosen.entry(facet).or_default();
            if !values.contains(&&*value) {
                value.clone_from(values[0]);
            }
            if values.len() < 2 {
                continue;
            }
            let combo = ComboBox::new(facet, capitalised(facet)).width(180.0).height(400.0);
            combo.selected_text(value.as_str()).show_ui(ui, |ui| {
                for one in values {
                    ui.selectable_value(value, one.clone(), one);
                }
            });
        }
    });
}

/// Draws a table of the result; one that is too long for a terminal is folded. Tables of studies alone are left out.
fn table_ui(ui: &mut Ui, number: usize, item: &TableItem) {
    let is_shown = item.is_printed || item.names.result.is_some();
    if !is_shown || item.table.rows.is_empty() {
        return;
    }
    ui.push_id(("table", number), |ui| {
        let name = item.names.result.as_deref().unwrap_or("table");
        match item.is_printed {
            true => _ = table(ui, name, &item.table, TABLE),
            false => {
                ui.collapsing(capitalised(name), |ui| table(ui, name, &item.table, TABLE));
            }
        }
        if !item.note.is_empty() {
            hint(ui, &item.note);
        }
    });
    ui.add_space(8.0);
}

/// What a figure is exported as, other than those before it.
fn figure_name(analysis: &str, name: &str, others: &[String]) -> String {
    let name = if name.starts_with(analysis) { name.to_owned() } else { format!("{analysis}-{name}") };
    let more = (2..).map(|number| format!("{name}-{number}"));
    let free = std::iter::once(name.clone()).chain(more).find(|name| !others.contains(name));
    free.unwrap_or(name)
}
