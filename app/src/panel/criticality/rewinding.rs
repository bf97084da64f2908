//! Rewinding: a bar for each module that is set back.

use std::collections::BTreeSet;
use std::path::PathBuf;

use basin_core::analysis::measures::Metric;
use basin_core::analysis::named::Named;
use basin_core::analysis::rewinding::{Request, Rewinding, chart, rewind, table};
use basin_core::figure::{Bars, Table};
use basin_core::number::UNDEFINED;
use basin_core::run::epochs_beside;
use egui::Ui;

use crate::background::Slot;
use crate::context::Cx;
use crate::kept::Kept;
use crate::panel::analysis::Analysis;
use crate::widget::form::{self, MEMORY};
use crate::widget::images::ImageChoice;
use crate::widget::{bars, hint, picker, problem, results, table};

/// What is remembered of the question.
pub struct Rewinder {
    checkpoint: Option<PathBuf>,
    /// Epochs beside the checkpoint.
    epochs: Slot<BTreeSet<usize>>,
    /// Those that modules are set to.
    to: BTreeSet<usize>,
    /// A checkpoint that they are set to as well.
    other: Option<PathBuf>,
    modules: String,
    images: ImageChoice,
    memory_mib: usize,
    metric: Metric,
    analysis: Analysis<Rewinding>,
    /// Of a version of the analysis.
    drawn: Kept<(u64, Metric), (Bars, Table)>,
}

impl Default for Rewinder {
    fn default() -> Self {
        Self {
            checkpoint: None,
            epochs: Slot::default(),
            to: [0].into(),
            other: None,
            modules: String::new(),
            images: ImageChoice::default(),
            memory_mib: MEMORY,
            metric: Metric::Accuracy,
            analysis: Analysis::default(),
            drawn: Kept::default(),
        }
    }
}

impl Rewinder {
    /// Draws form and figures.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        if picker::checkpoint(ui, cx, "Network to rewind", &mut self.checkpoint)
            && let Some(checkpoint) = self.checkpoint.clone()
        {
            self.epochs.start(ui.ctx(), move || Ok(epochs_beside(&checkpoint.into())?.into_keys().collect()));
        }
        self.origins(ui, cx);
        self.images.ui(ui);
        ui.horizontal_wrapped(|ui| {
            form::text(ui, "Modules", "all, or names with commas", &mut self.modules);
            form::whole(ui, "Memory", &mut self.memory_mib, 1..=1 << 20);
            ui.label("MiB of memory");
        });
        ui.horizontal(|ui| {
            let has_origin = !self.to.is_empty() || self.other.is_some();
            let chosen = [self.checkpoint.clone().filter(|_| has_origin)];
            if let Some([checkpoint]) = form::start(ui, "Rewind", &chosen, self.analysis.is_open()) {
                self.start(ui, cx, checkpoint);
            }
            if let Some(folder) = results::stored(ui, cx, "rewinding") {
                self.analysis.open(ui.ctx(), folder);
            }
        });
        self.analysis.ui(ui, cx.runs.base());
        ui.separator();
        self.figures(ui, cx);
    }

    /// What modules are set to.
    fn origins(&mut self, ui: &mut Ui, cx: &mut Cx) {
        if self.epochs.poll()
            && let Some(known) = self.epochs.value()
        {
            self.to.retain(|epoch| known.contains(epoch));
            if self.to.is_empty() {
                self.to.extend(known.first());
            }
        }
        if let Some(error) = self.epochs.error() {
            problem(ui, error);
        }
        ui.horizontal_wrapped(|ui| {
            ui.label("to epochs");
            for epoch in self.epochs.value().into_iter().flatten() {
                let mut is_chosen = self.to.contains(epoch);
                if ui.toggle_value(&mut is_chosen, format!("epoch {epoch}")).changed() {
                    match is_chosen {
                        true => self.to.insert(*epoch),
                        false => self.to.remove(epoch),
                    };
                }
            }
        });
        ui.horizontal(|ui| {
            picker::checkpoint(ui, cx, "and to a checkpoint", &mut self.other);
            if self.other.is_some() && ui.button("None").clicked() {
                self.other = None;
            }
        });
    }

    fn start(&mut self, ui: &Ui, cx: &mut Cx, checkpoint: PathBuf) {
        let images = self.images.wanted(cx);
        let epochs = self.to.iter().map(|epoch| Named::Epoch(*epoch));
        let to: Vec<Named> = epochs.chain(self.other.clone().map(|path| Named::File(path.into()))).collect();
        let (modules, memory_bytes) = (form::names(&self.modules), self.memory_mib << 20);
        self.analysis.start(ui.ctx(), cx, "Rewinding", move |watch, job| {
            let (experiment, selection) = images.of(&checkpoint)?;
            let request = Request {
                checkpoint: &checkpoint,
                to: &to,
                seeds: &[],
                modules: &modules,
                selection,
                experiment: &experiment,
                memory_bytes,
                base: &images.base,
                output: None,
                watch: Some(watch),
            };
            rewind(&request, job)
        });
    }

    fn figures(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let Some(result) = self.analysis.value() else {
            if !self.analysis.is_open() {
                hint(ui, "Choose a checkpoint and what its modules are set back to, or open a result.");
            }
            return;
        };
        form::metric(ui, &mut self.metric, Metric::of_network(&result.none));
        let (chart, rows) = self.drawn.get((self.analysis.version(), self.metric), |(_, metric)| {
            let mut rows = table(result);
            // What is not measured yet has no row.
            rows.rows.retain(|row| row.iter().skip(1).any(|cell| cell != UNDEFINED));
            (chart(*metric, &[("", result)]), rows)
        });
        bars::bars(ui, cx, &format!("rewinding-{}", self.metric.name()), chart, 320.0);
        table::table(ui, "rewinding", rows, 300.0);
    }
}
