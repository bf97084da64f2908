//! Which images an analysis uses.

use std::path::Path;

use basin_core::analysis::selection::Selection;
use basin_core::analysis::subject::own_experiment;
use basin_core::config::{Experiment, Registry};
use basin_core::data::Split;
use basin_core::error::{Error, Result};
use egui::{ComboBox, DragValue, TextEdit, Ui};

/// A choice of images: those of a checkpoint's own run unless a key is named.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    key: String,
    data_dir: String,
    split: Split,
    samples: usize,
}

impl Default for Images {
    fn default() -> Self {
        Self::of(Split::Test)
    }
}

impl Images {
    /// All images of a split.
    pub fn of(split: Split) -> Self {
        Self { key: String::new(), data_dir: String::new(), split, samples: 0 }
    }

    /// Draws the choice.
    pub fn ui(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            ComboBox::new("split", "Split").selected_text(self.split.title()).show_ui(ui, |ui| {
                for split in [Split::Test, Split::EvalTrain, Split::Dev] {
                    ui.selectable_value(&mut self.split, split, split.title());
                }
            });
            let label = ui.label("Samples (0 for all)");
            ui.add(DragValue::new(&mut self.samples).range(0..=10_000_000)).labelled_by(label.id);
            let label = ui.label("Key");
            let edit = TextEdit::singleline(&mut self.key).hint_text("that of the run").desired_width(220.0);
            ui.add(edit).labelled_by(label.id);
            let label = ui.label("Data folder");
            let edit = TextEdit::singleline(&mut self.data_dir)
                .hint_text("as the settings say")
                .desired_width(220.0);
            ui.add(edit).labelled_by(label.id);
        });
    }

    /// Settings and selection for an analysis of a checkpoint.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown key, or where the checkpoint lies in no run and no key is named.
    pub fn request(&self, checkpoint: &Path, registry: &Registry) -> Result<(Experiment, Selection)> {
        let experiment = match self.key.trim() {
            "" => own_experiment(checkpoint)?,
            key => Some(registry.get(key)?),
        };
        let mut experiment = experiment.ok_or_else(|| {
            let checkpoint = checkpoint.display();
            Error::usage(format!("{checkpoint} lies in no run of Basin; name the key whose images to use"))
        })?;
        if !self.data_dir.trim().is_empty() {
            experiment.data.configs.data_dir = self.data_dir.trim().to_owned();
        }
        let samples = (self.samples > 0).then_some(self.samples);
        Ok((experiment, Selection { split: self.split, samples }))
    }
}
