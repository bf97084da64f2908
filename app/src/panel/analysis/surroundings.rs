//! The choice of what all analyses are asked with: images, and memory.

use basin_core::analysis::About;
use basin_core::analysis::request::{MEMORY_BYTES, Surroundings};
use basin_core::analysis::selection::Selection;
use basin_core::data::Split;
use egui::{ComboBox, DragValue, Ui};

use crate::context::Cx;
use crate::widget::source::Source;

/// The bytes of a mebibyte, as a power of two.
const MIB: usize = 20;

/// What was chosen.
pub struct SurroundingsChoice {
    /// The data set, which is that of the checkpoint's run unless a key is named; only networks need one.
    pub source: Source,
    needs_source: bool,
    /// Where images can be chosen.
    split: Option<Split>,
    samples: usize,
    /// Where memory is taken.
    memory_mib: Option<usize>,
}

impl SurroundingsChoice {
    /// What an analysis takes unless something else is chosen.
    pub fn of(about: &About) -> Self {
        Self {
            source: Source::default(),
            needs_source: about.networks.is_some(),
            split: about.split,
            samples: 0,
            memory_mib: about.takes_memory.then_some(MEMORY_BYTES >> MIB),
        }
    }

    /// Draws the choice.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        ui.horizontal_wrapped(|ui| {
            if let Some(chosen) = &mut self.split {
                ComboBox::new("split", "Split").selected_text(chosen.title()).show_ui(ui, |ui| {
                    for split in [Split::Test, Split::EvalTrain, Split::Dev] {
                        ui.selectable_value(chosen, split, split.title());
                    }
                });
                let label = ui.label("Samples (0 for all)");
                ui.add(DragValue::new(&mut self.samples).range(0..=10_000_000)).labelled_by(label.id);
            }
            if let Some(memory) = &mut self.memory_mib {
                let label = ui.label("Memory");
                ui.add(DragValue::new(memory).range(1..=1 << 20).suffix(" MiB")).labelled_by(label.id);
            }
        });
        if self.needs_source {
            self.source.ui(ui, cx);
        }
    }

    /// The choice in a request.
    pub fn chosen(&self, cx: &Cx) -> Surroundings {
        let samples = (self.samples > 0).then_some(self.samples);
        let selection = Selection { split: self.split.unwrap_or(Split::Test), samples };
        let (key, data_dir) = (self.source.key.trim(), self.source.data_dir.trim());
        let data_dir = (!data_dir.is_empty()).then(|| format!("data.configs.data_dir={data_dir}"));
        let default = Surroundings::new(cx.runs.shared_registry(), selection);
        Surroundings {
            key: (!key.is_empty()).then(|| key.to_owned()),
            set: data_dir.into_iter().collect(),
            memory_bytes: self.memory_mib.map_or(default.memory_bytes, |memory| memory << MIB),
            base: cx.runs.base().to_owned(),
            ..default
        }
    }
}
