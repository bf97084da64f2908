//! Input images: as they are stored, after the augmentation of an epoch or the crop of evaluation, and after the shuffle.

mod look;
mod permutation;
#[cfg(test)]
mod tests;
mod view;

use std::path::PathBuf;
use std::sync::Arc;

use basin_core::config::{Data, Experiment};
use basin_core::data::Split;
use egui::{ComboBox, Grid, ScrollArea, Sense, Ui};

use crate::background::Slot;
use crate::context::Cx;
use crate::panel::Panel;
use crate::runs::run_name;
use crate::widget::source::Source;
use crate::widget::{hint, problem};
use look::{Look, Opened, Seen, Shown, look};
use view::View;

/// Side of a picture if one sample is shown, and if several are, points.
const SIDE: (f32, f32) = (260.0, 130.0);

/// Samples in a row.
const COLUMNS: usize = 2;

/// What the panel remembers.
#[derive(Default)]
pub struct InputsPanel {
    source: Source,
    /// The selected run whose settings are taken.
    run: Option<PathBuf>,
    /// The settings or an error, and what they were looked up with.
    settings: Option<(Sought, Result<Option<Experiment>, String>)>,
    /// The choice of what is shown, and the settings that it is for.
    view: Option<(Experiment, View)>,
    opened: Slot<Arc<Opened>>,
    asked_to_open: Option<(Data, Split)>,
    seen: Slot<Seen>,
    asked_to_look: Option<Look>,
}

/// What settings are looked up with: the key, the run, and the version of the runs.
type Sought = (Source, Option<PathBuf>, u64);

impl Panel for InputsPanel {
    fn title(&self) -> &'static str {
        "Inputs"
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        self.source.ui(ui, cx);
        self.choose_run(ui, cx);
        self.find_settings(cx);
        let experiment = match self.settings.as_ref().map(|(_, settings)| settings) {
            Some(Ok(Some(experiment))) => experiment.clone(),
            Some(Err(sentence)) => return problem(ui, sentence),
            _ => return hint(ui, "Select a run on the left, or name a key, to see its images."),
        };
        if self.view.as_ref().is_none_or(|(of, _)| *of != experiment) {
            self.view = Some((experiment.clone(), View::of(&experiment)));
        }
        self.open(ui, &experiment);
        let opened =
            self.opened.value().filter(|_| !self.opened.is_pending() && self.opened.error().is_none());
        let opened = opened.cloned();
        let Some((_, view)) = &mut self.view else { return };
        view.samples_ui(ui, &experiment, opened.as_deref());
        view.shuffle_ui(ui, &experiment);
        notes(ui, &experiment, view);
        if let Some(sentence) = self.opened.error() {
            return problem(ui, sentence);
        }
        if let Some(opened) = opened {
            self.look(ui, &experiment, opened);
        }
        if let Some(sentence) = self.seen.error() {
            return problem(ui, sentence);
        }
        match self.seen.value() {
            Some(seen) => drop(ScrollArea::both().show(ui, |ui| seen_ui(ui, seen))),
            None => drop(ui.spinner()),
        }
    }
}

impl InputsPanel {
    /// Draws the choice of a run if several are selected.
    fn choose_run(&mut self, ui: &mut Ui, cx: &Cx) {
        let selected = cx.runs.selected();
        let folder = |run: &basin_core::run::Located| run.run.root().to_owned();
        if !selected.iter().any(|run| Some(folder(run)) == self.run) {
            self.run = selected.first().map(folder);
        }
        if selected.len() < 2 || !self.source.key.trim().is_empty() {
            return;
        }
        let chosen = selected.iter().find(|run| Some(folder(run)) == self.run).map(run_name);
        let combo = ComboBox::new("run of inputs", "Run").width(420.0);
        combo.selected_text(chosen.unwrap_or_default()).show_ui(ui, |ui| {
            for run in &selected {
                ui.selectable_value(&mut self.run, Some(folder(run)), run_name(run));
            }
        });
    }

    fn find_settings(&mut self, cx: &mut Cx) {
        let sought = (self.source.clone(), self.run.clone(), cx.runs.version());
        if self.settings.as_ref().is_some_and(|(known, _)| *known == sought) {
            return;
        }
        let runs = cx.runs.selected();
        let run = runs.iter().find(|run| Some(run.run.root()) == self.run.as_deref());
        let own = match run.and_then(|run| cx.runs.view(run)).map(|view| view.summary.clone()) {
            Some(Err(sentence)) if self.source.key.trim().is_empty() => Err(sentence),
            Some(Ok(summary)) => Ok(summary.experiment),
            _ => Ok(None),
        };
        let settings = own
            .and_then(|own| self.source.settings(own, cx.runs.registry()).map_err(|error| error.to_string()));
        self.settings = Some((sought, settings));
    }

    /// Opens the split that is chosen, unless it is open.
    fn open(&mut self, ui: &Ui, experiment: &Experiment) {
        self.opened.poll();
        let Some((_, view)) = &self.view else { return };
        let wanted = (experiment.data.clone(), view.split);
        if self.asked_to_open.as_ref() == Some(&wanted) {
            return;
        }
        let (data, split) = wanted.clone();
        self.asked_to_open = Some(wanted);
        self.asked_to_look = None;
        self.seen.clear();
        self.opened.start(ui.ctx(), move || Opened::read(&data, split).map(Arc::new));
    }

    /// Prepares what is chosen, unless it is there.
    fn look(&mut self, ui: &Ui, experiment: &Experiment, opened: Arc<Opened>) {
        self.seen.poll();
        let Some((_, view)) = &self.view else { return };
        let wanted = view.look(experiment, &opened);
        if self.asked_to_look.as_ref() == Some(&wanted) {
            return;
        }
        self.asked_to_look = Some(wanted.clone());
        let context = ui.ctx().clone();
        self.seen.start(ui.ctx(), move || look(&opened, &wanted, &context));
    }
}

/// Notes on what training does to images and the pictures do not show.
fn notes(ui: &mut Ui, experiment: &Experiment, view: &View) {
    if view.split != Split::Train || !view.is_augmented {
        return;
    }
    if experiment.data.configs.disable_aug {
        hint(ui, "data.configs.disable_aug is set: training takes the crop of evaluation in every epoch.");
    }
    let alpha = experiment.train.mixup_alpha;
    if alpha > 0.0 {
        hint(
            ui,
            &format!(
                "Training also mixes images (train.mixup_alpha = {alpha}); with which others depends on the batch, so that is not shown."
            ),
        );
    }
}

fn seen_ui(ui: &mut Ui, seen: &Seen) {
    let side = if seen.samples.len() == 1 { SIDE.0 } else { SIDE.1 };
    Grid::new("samples").num_columns(COLUMNS).show(ui, |ui| {
        for (number, shown) in seen.samples.iter().enumerate() {
            ui.vertical(|ui| sample_ui(ui, shown, side, seen.permutation.is_some()));
            if (number + 1).is_multiple_of(COLUMNS) {
                ui.end_row();
            }
        }
    });
    if let Some(permutation) = &seen.permutation {
        ui.add_space(8.0);
        permutation.ui(ui);
    }
}

fn sample_ui(ui: &mut Ui, shown: &Shown, side: f32, is_shuffled: bool) {
    let Shown { sample, id, path, label, stages } = shown;
    ui.horizontal(|ui| {
        ui.strong(label);
        ui.label(format!("image {sample}"));
        ui.label(id);
        if let Ok(stages) = stages {
            ui.label(format!("{} x {} pixels", stages.size.0, stages.size.1));
        }
    });
    if path != id {
        hint(ui, path);
    }
    let stages = match stages {
        Ok(stages) => stages,
        Err(sentence) => return problem(ui, sentence),
    };
    let size = stages.crop.image.width();
    let last = [("Shuffled", &stages.input)].into_iter().filter(|_| is_shuffled);
    ui.horizontal(|ui| {
        for (title, picture) in
            [("Original", &stages.original), ("Crop", &stages.crop)].into_iter().chain(last)
        {
            ui.vertical(|ui| {
                ui.label(title);
                let response = picture.ui(ui, &format!("{title} {id}"), side, Sense::hover());
                if title != "Original" {
                    response.on_hover_text(format!("{size} x {size} pixels, as the network is given them"));
                }
            });
        }
    });
}
