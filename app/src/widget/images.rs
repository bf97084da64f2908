//! The choice of images that an analysis uses.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use basin_core::analysis::selection::Selection;
use basin_core::analysis::source::own_experiment;
use basin_core::config::{Experiment, Registry};
use basin_core::data::Split;
use basin_core::error::{Error, Result};
use egui::{ComboBox, DragValue, Ui};

use super::source::Source;
use crate::context::Cx;

/// Widths of the fields for the key and for the data folder, points.
const FIELDS: [f32; 2] = [220.0, 220.0];

/// Data set, split and number of samples; the data set is that of the checkpoint's run unless a key is named.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageChoice {
    source: Source,
    split: Split,
    samples: usize,
}

impl Default for ImageChoice {
    fn default() -> Self {
        Self::of(Split::Test)
    }
}

impl ImageChoice {
    /// All images of a split.
    pub fn of(split: Split) -> Self {
        Self { source: Source::default(), split, samples: 0 }
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
            self.source.fields(ui, FIELDS);
        });
    }

    /// The choice for a job, with what that needs to find the images.
    pub fn wanted(&self, cx: &Cx) -> JobImages {
        JobImages {
            choice: self.clone(),
            registry: cx.runs.shared_registry(),
            base: cx.runs.base().to_owned(),
        }
    }
}

/// A choice of images for a job's thread.
pub struct JobImages {
    choice: ImageChoice,
    registry: Arc<Registry>,
    /// The base folder, below which the results of checkpoints that lie in no run are written.
    pub base: PathBuf,
}

impl JobImages {
    /// Settings and selection for an analysis of a checkpoint.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown key, or where the checkpoint lies in no run and no key is named.
    pub fn of(&self, checkpoint: &Path) -> Result<(Experiment, Selection)> {
        let ImageChoice { source, split, samples } = &self.choice;
        let own = match source.key.trim() {
            "" => own_experiment(&checkpoint.into())?,
            _ => None,
        };
        let experiment = source.settings(own, &self.registry)?.ok_or_else(|| {
            let checkpoint = checkpoint.display();
            Error::usage(format!("{checkpoint} lies in no run of Basin; name the key whose images to use"))
        })?;
        Ok((experiment, Selection { split: *split, samples: (*samples > 0).then_some(*samples) }))
    }
}
