//! Singular values of the layers of several networks.

mod figures;
mod network;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use basin_core::analysis::spectrum::ExactFor;
use basin_core::figure::Chart;
use egui::{ComboBox, ScrollArea, TextEdit, Ui};

use self::figures::Figures;
use self::network::{Entry, Settings};
use crate::background::Slot;
use crate::context::Cx;
use crate::panel::Panel;
use crate::widget::bars::bars;
use crate::widget::chart::chart;
use crate::widget::picker;
use crate::widget::results::stored;
use crate::widget::table::table;
use crate::widget::{hint, problem};

/// Heights of the chart by rank, of bars and of the table, points.
const RANKS: f32 = 300.0;
const BARS: f32 = 240.0;
const TABLE: f32 = 360.0;

/// What the panel remembers.
#[derive(Default)]
pub struct SpectraPanel {
    entries: Vec<Entry>,
    /// A key that says how large images are, for checkpoints that lie in no run.
    key: String,
    /// A regular expression that is found in the names of the layers to decompose.
    filter: String,
    figures: Option<Figures>,
    /// The layer whose values are drawn by rank.
    layer: String,
    ranks: Slot<Chart>,
    /// The layer that these are of.
    ranked: Option<String>,
}

impl Panel for SpectraPanel {
    fn title(&self) -> &'static str {
        "Spectra"
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        self.choose(ui, cx);
        let before = self.entries.len();
        let mut is_news = false;
        self.entries.retain_mut(|entry| {
            is_news |= entry.update();
            entry.ui(ui, cx.runs.base(), &mut is_news)
        });
        if is_news || self.entries.len() < before {
            (self.figures, self.ranked) = (None, None);
        }
        let known = self.entries.iter().filter_map(|entry| entry.network.as_ref());
        let figures = self.figures.get_or_insert_with(|| Figures::new(known.cloned().collect()));
        if figures.layers.is_empty() {
            hint(ui, "Add checkpoints and compute their spectra, or open results that are stored.");
            return;
        }
        ScrollArea::vertical().id_salt("spectra").auto_shrink(false).show(ui, |ui| self.figures(ui, cx));
    }
}

impl SpectraPanel {
    fn choose(&mut self, ui: &mut Ui, cx: &mut Cx) {
        ui.horizontal_wrapped(|ui| {
            let mut choice = None;
            if picker::checkpoint(ui, cx, "Add a checkpoint", &mut choice)
                && let Some(path) = choice
            {
                self.add(path);
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
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("Key");
            let edit = TextEdit::singleline(&mut self.key).hint_text("that of the run").desired_width(220.0);
            ui.add(edit).labelled_by(label.id);
            let label = ui.label("Layers");
            let edit = TextEdit::singleline(&mut self.filter).hint_text("all; a regular expression");
            ui.add(edit.desired_width(180.0)).labelled_by(label.id);
            let checkpoints: Vec<&PathBuf> = self.entries.iter().filter_map(Entry::checkpoint).collect();
            let compute = egui::Button::new("Compute spectra");
            if let Some(first) = checkpoints.first()
                && ui.add(compute).clicked()
            {
                let settings = Settings::new(first, &self.key, &self.filter, cx);
                self.entries.iter_mut().for_each(|entry| entry.compute(&settings, cx));
            }
            if let Some(folder) = stored(ui, cx, "spectrum") {
                self.entries.push(Entry::stored(ui.ctx(), folder));
            }
        });
    }

    /// Adds a checkpoint that is not there yet.
    fn add(&mut self, path: PathBuf) {
        if !self.entries.iter().any(|entry| entry.checkpoint() == Some(&path)) {
            self.entries.push(Entry::new(path));
        }
    }

    fn figures(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let Some(figures) = &self.figures else { return };
        if !figures.layers.contains(&self.layer) {
            self.layer = figures.layers.first().cloned().unwrap_or_default();
        }
        ComboBox::new("layer", "Layer").width(220.0).height(400.0).selected_text(&self.layer).show_ui(
            ui,
            |ui| {
                for layer in &figures.layers {
                    ui.selectable_value(&mut self.layer, layer.clone(), layer);
                }
            },
        );
        if self.ranked.as_ref() != Some(&self.layer) {
            let (networks, layer) = (figures.networks.clone(), self.layer.clone());
            self.ranks.start(ui.ctx(), move || figures::ranks(&networks, &layer));
            self.ranked = Some(self.layer.clone());
        }
        self.ranks.poll();
        if let Some(error) = self.ranks.error() {
            problem(ui, error);
        } else if let Some(ranks) = self.ranks.value() {
            chart(ui, cx, "singular values by rank", ranks, RANKS);
        }
        figures.words(&self.layer).iter().for_each(|sentence| drop(ui.label(sentence)));
        hint(ui, ExactFor::NOTE);
        for (name, summary) in &figures.summaries {
            bars(ui, cx, name, summary, BARS);
        }
        let clicked = table(ui, "layers", &figures.table, TABLE);
        if let Some(name) = clicked.and_then(|row| figures.table.rows.get(row)?.first()) {
            self.layer.clone_from(name);
        }
    }
}
