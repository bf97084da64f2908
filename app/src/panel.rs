//! The panels of the window: the list of them, and what they have in common.

mod analysis;
mod checkpoint;
mod curves;
mod group;
mod inputs;
mod mistakes;
mod rewinding;
mod runs;
#[cfg(test)]
mod tests;

use std::any::Any;

use basin_core::analysis::accuracy::DomainAccuracy;
use basin_core::analysis::basin::BasinSearch;
use basin_core::analysis::criticality::ModuleCriticality;
use basin_core::analysis::distance::ParameterDistance;
use basin_core::analysis::interpolation::LinearInterpolation;
use basin_core::analysis::mistakes::SharedMistakes;
use basin_core::analysis::probe::FeatureProbe;
use basin_core::analysis::rewinding::ModuleRewinding;
use basin_core::analysis::similarity::FeatureSimilarity;
use basin_core::analysis::spectrum::LayerSpectra;
use egui::Ui;

use self::analysis::AnalysisPanel;
use self::group::Group;
use crate::context::Cx;
pub use checkpoint::CheckpointPanel;

/// A panel of the window. It keeps its own state while another panel is shown.
pub trait Panel: Any {
    /// Its name in the row of tabs.
    fn title(&self) -> &'static str;

    /// Whether it has nothing to show without runs; the window offers to choose a folder instead.
    fn needs_runs(&self) -> bool {
        true
    }

    /// Draws it.
    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx);
}

/// All panels, in the order of the tabs.
pub struct Panels(Vec<Box<dyn Panel>>);

impl Default for Panels {
    fn default() -> Self {
        Self(vec![
            Box::<runs::RunsPanel>::default(),
            Box::<curves::CurvesPanel>::default(),
            Box::<checkpoint::CheckpointPanel>::default(),
            Box::<inputs::InputsPanel>::default(),
            Box::new(
                AnalysisPanel::<LinearInterpolation>::new("Compute line").with("coefficients", "0:1:11"),
            ),
            Box::new(AnalysisPanel::<DomainAccuracy>::new("Measure accuracy")),
            Box::new(AnalysisPanel::<FeatureProbe>::new("Fit probes")),
            Box::new(AnalysisPanel::<FeatureSimilarity>::new("Compare")),
            Box::new(
                Group::new("Criticality")
                    .with(
                        "Rewinding of modules",
                        AnalysisPanel::<ModuleRewinding, rewinding::Origins>::new("Rewind"),
                    )
                    .with("Criticality of modules", AnalysisPanel::<ModuleCriticality>::new("Measure")),
            ),
            Box::new(AnalysisPanel::<SharedMistakes, mistakes::MistakenImages>::new("Compare mistakes")),
            Box::new(AnalysisPanel::<LayerSpectra>::new("Compute spectra")),
            Box::new(AnalysisPanel::<BasinSearch>::new("Search basin")),
            Box::new(AnalysisPanel::<ParameterDistance>::new("Measure distances")),
        ])
    }
}

impl Panels {
    /// The titles, in the order of the tabs.
    pub fn titles(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|panel| panel.title())
    }

    /// The panel of this title, or the first one if there is none.
    pub fn of_title(&mut self, title: &str) -> &mut dyn Panel {
        let index = self.titles().position(|known| known == title);
        self.0[index.unwrap_or(0)].as_mut()
    }

    /// The panel of a type.
    #[cfg(test)]
    pub fn of_type<P: Panel>(&self) -> Option<&P> {
        self.0.iter().find_map(|panel| (panel.as_ref() as &dyn Any).downcast_ref())
    }

    /// The panel of a type, to be changed.
    pub fn of_type_mut<P: Panel>(&mut self) -> Option<&mut P> {
        self.0.iter_mut().find_map(|panel| (panel.as_mut() as &mut dyn Any).downcast_mut())
    }
}
