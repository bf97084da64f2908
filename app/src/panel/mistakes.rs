//! The images behind the mistakes of two networks: those that both tell wrongly, and those that only one does.

mod detail;
mod gallery;
mod opened;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use basin_core::analysis::Analysed;
use basin_core::analysis::mistakes::{Mistakes, Quadrant, SharedMistakes};
use egui::{ComboBox, Ui};

use self::gallery::Gallery;
use self::opened::{Choice, Figures, Opened};
use super::analysis::Extra;
use crate::background::Slot;
use crate::context::Cx;
use crate::widget::heat_map::heat_map;
use crate::widget::problem;
use crate::widget::source::Source;
use crate::widget::table::table;

/// Height of the table, and widths of table and heat map, points.
const HEIGHT: f32 = 230.0;
const NUMBERS: f32 = 300.0;
const CONTINGENCY: f32 = 320.0;

/// What is remembered of the newest result.
#[derive(Default)]
pub struct MistakenImages {
    /// What was read: the result, its folder, and where its images are looked for.
    asked: Option<(Mistakes, PathBuf, Source)>,
    opened: Slot<Arc<Opened>>,
    choice: Choice,
    figures: Option<(Arc<Opened>, Choice, Figures)>,
    gallery: Gallery,
}

impl Extra<SharedMistakes> for MistakenImages {
    fn view(&mut self, ui: &mut Ui, cx: &mut Cx, result: &Analysed<Mistakes>, source: &Source) {
        self.open(ui, cx, result, source);
        if let Some(sentence) = self.opened.error() {
            return problem(ui, sentence);
        }
        match self.opened.value().cloned() {
            Some(opened) => self.result_ui(ui, cx, &opened),
            None => _ = ui.spinner(),
        }
    }
}

impl MistakenImages {
    /// Reads the predictions and finds the images of a result, unless they are there.
    fn open(&mut self, ui: &Ui, cx: &Cx, result: &Analysed<Mistakes>, source: &Source) {
        if self.opened.poll() {
            self.choice = Choice::default();
        }
        let Analysed { output, folder, .. } = result;
        let is_of = |(known, place, from): &(Mistakes, PathBuf, Source)| {
            (known, place, from) == (output, folder, source)
        };
        if self.asked.as_ref().is_some_and(is_of) {
            return;
        }
        self.asked = Some((output.clone(), folder.clone(), source.clone()));
        let (result, folder, source) = (output.clone(), folder.clone(), source.clone());
        let registry = cx.runs.shared_registry();
        self.opened.start(ui.ctx(), move || Opened::read(result, &folder, &source, &registry).map(Arc::new));
    }

    fn result_ui(&mut self, ui: &mut Ui, cx: &mut Cx, opened: &Arc<Opened>) {
        self.choose(ui, opened);
        let choice = self.choice;
        let is_known =
            |(of, known, _): &(Arc<Opened>, Choice, Figures)| Arc::ptr_eq(of, opened) && *known == choice;
        if !self.figures.as_ref().is_some_and(is_known) {
            let figures = Figures::of(opened, choice);
            self.figures = figures.map(|figures| (Arc::clone(opened), choice, figures));
        }
        let Some((.., figures)) = &self.figures else {
            return problem(ui, "this result compares no two networks; choose another");
        };
        for (name, rank) in figures.names.iter().zip(["1st", "2nd"]) {
            ui.label(format!("{rank}: {name}"));
        }
        ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                ui.set_width(NUMBERS);
                table(ui, "numbers", &figures.numbers, HEIGHT);
            });
            ui.vertical(|ui| {
                ui.set_width(CONTINGENCY);
                let quadrants = Quadrant::ALL;
                if let Some((row, column)) = heat_map(ui, cx, "contingency", &figures.contingency) {
                    // Rows are the first network's answers, columns the second's; right comes before wrong.
                    let number = row + 2 * column;
                    self.gallery.quadrant = quadrants.get(number).copied().unwrap_or(self.gallery.quadrant);
                }
            });
        });
        self.gallery.ui(ui, opened, choice);
    }

    /// Draws the choice of a pair, and of a class or finding.
    fn choose(&mut self, ui: &mut Ui, opened: &Opened) {
        let names = |pair: usize| {
            let two = opened.result.pairs.get(pair).and_then(|pair| opened.answers.pair(pair));
            two.map_or_else(String::new, |two| two.names.join(", "))
        };
        ui.horizontal_wrapped(|ui| {
            if opened.result.pairs.len() > 1 {
                let combo = ComboBox::new("pair of mistakes", "Pair").width(420.0);
                combo.selected_text(names(self.choice.pair)).show_ui(ui, |ui| {
                    for pair in 0..opened.result.pairs.len() {
                        ui.selectable_value(&mut self.choice.pair, pair, names(pair));
                    }
                });
            }
            let Some(pair) = opened.pair(self.choice) else { return };
            let name =
                self.choice.part.and_then(|part| pair.parts.get(part)).map_or("all", |part| &part.name);
            let title = if opened.is_of_classes() { "Class" } else { "Finding" };
            ComboBox::new("part of mistakes", title).selected_text(name).height(400.0).show_ui(ui, |ui| {
                ui.selectable_value(&mut self.choice.part, None, "all");
                for (number, part) in pair.parts.iter().enumerate() {
                    ui.selectable_value(&mut self.choice.part, Some(number), &part.name);
                }
            });
        });
    }
}
