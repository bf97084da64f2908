//! The mistakes of two networks: which they share, which each makes alone, and the images behind the numbers.

mod detail;
mod gallery;
mod opened;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use basin_core::analysis::mistakes::{Candidate, Mistakes, Quadrant, Request, mistakes};
use basin_core::analysis::source::own_experiment;
use basin_core::config::Registry;
use basin_core::error::Result;
use egui::{Button, ComboBox, ScrollArea, Ui};

use crate::background::Slot;
use crate::context::Cx;
use crate::panel::Panel;
use crate::queue::Ticket;
use crate::widget::bars::bars;
use crate::widget::heat_map::heat_map;
use crate::widget::job::{is_open, job};
use crate::widget::picker::checkpoint;
use crate::widget::results::stored;
use crate::widget::source::Source;
use crate::widget::table::table;
use crate::widget::{hint, problem};
use gallery::Gallery;
use opened::{Choice, Figures, Opened};

/// Images of each quadrant on the contact sheets that are written, as many as the runner's.
const EXAMPLES: usize = 8;

/// Height of the figures, and widths of the first two, points.
const HEIGHT: f32 = 230.0;
const NUMBERS: f32 = 300.0;
const CONTINGENCY: f32 = 320.0;

/// What the panel remembers.
#[derive(Default)]
pub struct MistakesPanel {
    networks: [Option<PathBuf>; 2],
    source: Source,
    ticket: Option<Ticket<(Mistakes, PathBuf)>>,
    /// The result that is shown, and where its images are looked for.
    folder: Option<PathBuf>,
    asked: Option<(PathBuf, Source)>,
    opened: Slot<Arc<Opened>>,
    choice: Choice,
    figures: Option<(Arc<Opened>, Choice, Figures)>,
    gallery: Gallery,
}

impl Panel for MistakesPanel {
    fn title(&self) -> &'static str {
        "Mistakes"
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        for (choice, label) in self.networks.iter_mut().zip(["1st network", "2nd network"]) {
            checkpoint(ui, cx, label, choice);
        }
        self.source.ui(ui, cx);
        ui.horizontal(|ui| {
            if let [Some(one), Some(two)] = &self.networks {
                let files = [one.clone(), two.clone()];
                let button = Button::new("Compare mistakes");
                if ui.add_enabled(!is_open(&self.ticket), button).clicked() {
                    self.submit(cx, files);
                }
            } else {
                ui.add_enabled(false, Button::new("Compare mistakes"));
            }
            if let Some(folder) = stored(ui, cx, "mistakes") {
                self.folder = Some(folder);
            }
        });
        if let Some((_, folder)) = job(ui, &mut self.ticket) {
            self.folder = Some(folder);
            // A result that was counted anew lies where the old one did.
            self.asked = None;
        }
        self.open(ui, cx);
        if let Some(sentence) = self.opened.error() {
            return problem(ui, sentence);
        }
        match self.opened.value().cloned() {
            Some(opened) => {
                ScrollArea::vertical().show(ui, |ui| self.result_ui(ui, cx, &opened));
            }
            None if self.opened.is_pending() => drop(ui.spinner()),
            None => hint(
                ui,
                "Choose two checkpoints, or files of predictions, or a stored result. Predictions of the test images that a run has \
                 are used; others are made first.",
            ),
        }
    }
}

impl MistakesPanel {
    fn submit(&mut self, cx: &mut Cx, files: [PathBuf; 2]) {
        let (source, registry) = (self.source.clone(), cx.runs.shared_registry());
        let base = cx.runs.base().to_owned();
        let ticket = cx.compute("mistakes of two networks", move |job| {
            let networks = files.into_iter().map(|file| candidate(file, &source, &registry));
            let networks = networks.collect::<Result<Vec<_>>>()?;
            mistakes(&Request { networks: &networks, names: &[], examples: EXAMPLES, base: &base }, job)
        });
        self.ticket = Some(ticket);
    }

    /// Reads the result that is chosen, unless it is there.
    fn open(&mut self, ui: &Ui, cx: &Cx) {
        if self.opened.poll() {
            self.choice = Choice::default();
        }
        let Some(folder) = &self.folder else { return };
        let wanted = (folder.clone(), self.source.clone());
        if self.asked.as_ref() == Some(&wanted) {
            return;
        }
        self.asked = Some(wanted.clone());
        let registry = cx.runs.shared_registry();
        self.opened.start(ui.ctx(), move || Opened::read(&wanted.0, &wanted.1, &registry).map(Arc::new));
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
        let Mistakes { samples, data, split, parts, .. } = &opened.result;
        ui.label(format!("{samples} images of {data}, {split} split"));
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
            ui.vertical(|ui| bars(ui, cx, &format!("mistakes by {parts}"), &figures.parts, HEIGHT));
        });
        ui.collapsing(format!("By {parts}"), |ui| {
            if let Some(row) = table(ui, "parts", &figures.table, 300.0) {
                self.choice.part = Some(row);
            }
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

/// A file with the settings that say which images a checkpoint is measured on, as the runner finds them.
fn candidate(path: PathBuf, source: &Source, registry: &Registry) -> Result<Candidate> {
    let own = own_experiment(&path.as_path().into())?;
    Ok(Candidate { experiment: source.settings(own, registry)?, path })
}
