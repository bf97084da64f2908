//! The panels of the window, one for each question that is asked of runs and checkpoints.

mod analysis;
pub mod checkpoint;
pub mod criticality;
pub mod curves;
pub mod inputs;
pub mod interpolation;
pub mod mistakes;
pub mod runs;
pub mod similarity;
pub mod spectra;

use egui::Ui;
use serde::{Deserialize, Serialize};

use crate::context::Cx;

/// Which panel is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Tab {
    /// The selected runs and their settings.
    #[default]
    Runs,
    /// Numbers over epochs.
    Curves,
    /// Tensors of one checkpoint, or of two side by side.
    Checkpoint,
    /// Images as a network sees them.
    Inputs,
    /// Lines between networks.
    Interpolation,
    /// CKA between modules.
    Similarity,
    /// Rewinding and the criticality of modules.
    Criticality,
    /// The mistakes of two networks.
    Mistakes,
    /// Singular values of layers.
    Spectra,
}

impl Tab {
    /// All, in the order of the window.
    pub const ALL: [Self; 9] = [
        Self::Runs,
        Self::Curves,
        Self::Checkpoint,
        Self::Inputs,
        Self::Interpolation,
        Self::Similarity,
        Self::Criticality,
        Self::Mistakes,
        Self::Spectra,
    ];

    /// Its name in the window.
    pub fn title(self) -> &'static str {
        match self {
            Self::Runs => "Runs",
            Self::Curves => "Curves",
            Self::Checkpoint => "Checkpoint",
            Self::Inputs => "Inputs",
            Self::Interpolation => "Interpolation",
            Self::Similarity => "Similarity",
            Self::Criticality => "Criticality",
            Self::Mistakes => "Mistakes",
            Self::Spectra => "Spectra",
        }
    }
}

/// All panels, each with what it remembers while another is shown.
#[derive(Default)]
pub struct Panels {
    pub(crate) runs: runs::RunsPanel,
    pub(crate) curves: curves::CurvesPanel,
    pub(crate) checkpoint: checkpoint::CheckpointPanel,
    pub(crate) inputs: inputs::InputsPanel,
    pub(crate) interpolation: interpolation::InterpolationPanel,
    pub(crate) similarity: similarity::SimilarityPanel,
    pub(crate) criticality: criticality::CriticalityPanel,
    pub(crate) mistakes: mistakes::MistakesPanel,
    pub(crate) spectra: spectra::SpectraPanel,
}

impl Panels {
    /// Draws one.
    pub fn ui(&mut self, tab: Tab, ui: &mut Ui, cx: &mut Cx) {
        match tab {
            Tab::Runs => self.runs.ui(ui, cx),
            Tab::Curves => self.curves.ui(ui, cx),
            Tab::Checkpoint => self.checkpoint.ui(ui, cx),
            Tab::Inputs => self.inputs.ui(ui, cx),
            Tab::Interpolation => self.interpolation.ui(ui, cx),
            Tab::Similarity => self.similarity.ui(ui, cx),
            Tab::Criticality => self.criticality.ui(ui, cx),
            Tab::Mistakes => self.mistakes.ui(ui, cx),
            Tab::Spectra => self.spectra.ui(ui, cx),
        }
    }
}
