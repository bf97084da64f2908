//! How alike the features of two networks are: CKA of all modules of one with all of the other.

use std::path::PathBuf;

use basin_core::analysis::similarity::{
    Estimator, Features, Request, Similarity, heat_map, similarity, table,
};
use basin_core::figure::{HeatMap, Table};
use basin_core::number;
use egui::{ScrollArea, Ui};

use crate::context::Cx;
use crate::kept::Kept;
use crate::panel::Panel;
use crate::panel::analysis::Analysis;
use crate::widget::form::{self, MEMORY};
use crate::widget::images::ImageChoice;
use crate::widget::{heat_map, hint, picker, results, table};

/// What the panel remembers.
pub struct SimilarityPanel {
    checkpoints: [Option<PathBuf>; 2],
    images: ImageChoice,
    estimator: Estimator,
    features: Features,
    memory_mib: usize,
    analysis: Analysis<Similarity>,
    /// Of a version of the analysis.
    drawn: Kept<u64, Drawn>,
}

/// The figures, and the cell that was clicked.
struct Drawn {
    map: Option<HeatMap>,
    layers: Table,
    cell: Option<(usize, usize)>,
}

impl Default for SimilarityPanel {
    fn default() -> Self {
        Self {
            checkpoints: [None, None],
            images: ImageChoice::default(),
            estimator: Estimator::Exact,
            features: Features::Flat,
            memory_mib: MEMORY,
            analysis: Analysis::default(),
            drawn: Kept::default(),
        }
    }
}

impl Panel for SimilarityPanel {
    fn title(&self) -> &'static str {
        "Similarity"
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            self.form(ui, cx);
            self.analysis.ui(ui, cx.runs.base());
            ui.separator();
            self.figures(ui, cx);
        });
    }
}

impl SimilarityPanel {
    fn form(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let [one, two] = &mut self.checkpoints;
        picker::checkpoint(ui, cx, "Network", one);
        picker::checkpoint(ui, cx, "Compared with", two);
        self.images.ui(ui);
        ui.horizontal_wrapped(|ui| {
            let batch = match self.estimator {
                Estimator::Minibatch { batch } => batch,
                Estimator::Exact | Estimator::Unbiased => Estimator::BATCH,
            };
            let all = [Estimator::Exact, Estimator::Unbiased, Estimator::Minibatch { batch }];
            form::choice(ui, "Estimator", &mut self.estimator, &all, estimator_name);
            if let Estimator::Minibatch { batch } = &mut self.estimator {
                form::whole(ui, "Samples of a batch", batch, 4..=100_000);
                ui.label("samples of a batch");
            }
            let all = [Features::Flat, Features::Position];
            form::choice(ui, "Features", &mut self.features, &all, features_name);
            form::whole(ui, "Memory", &mut self.memory_mib, 1..=1 << 20);
            ui.label("MiB of memory");
        });
        ui.horizontal(|ui| {
            if let Some(checkpoints) = form::start(ui, "Compare", &self.checkpoints, self.analysis.is_open())
            {
                self.start(ui, cx, checkpoints);
            }
            if let Some(folder) = results::stored(ui, cx, "similarity") {
                self.analysis.open(ui.ctx(), folder);
            }
        });
    }

    fn start(&mut self, ui: &Ui, cx: &mut Cx, checkpoints: [PathBuf; 2]) {
        let images = self.images.wanted(cx);
        let (estimator, features, memory) = (self.estimator, self.features, self.memory_mib << 20);
        self.analysis.start(ui.ctx(), cx, "Similarity", move |_, job| {
            let (experiment, selection) = images.of(&checkpoints[0])?;
            let request = Request {
                checkpoints: &checkpoints,
                modules: &[],
                features,
                estimator,
                memory,
                selection,
                experiment: &experiment,
                base: &images.base,
            };
            similarity(&request, job)
        });
    }

    fn figures(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let Some(result) = self.analysis.value() else {
            if !self.analysis.is_open() {
                hint(ui, "Choose two checkpoints and compare them, or open a result.");
            }
            return;
        };
        let Drawn { map, layers, cell } = self.drawn.get(self.analysis.version(), |_| Drawn {
            map: heat_map(result),
            layers: table(result),
            cell: None,
        });
        ui.heading("Layer by layer");
        table::table(ui, "layers", layers, 160.0);
        let Some(map) = map else {
            hint(ui, "This result is of more than two networks: it has layers only.");
            return;
        };
        ui.heading("All modules");
        if let Some(sentence) = cell.and_then(|(row, column)| in_words(map, row, column)) {
            ui.label(sentence);
        }
        if let Some(clicked) = heat_map::heat_map(ui, cx, "similarity", map) {
            *cell = Some(clicked);
        }
    }
}

/// A cell of the map.
fn in_words(map: &HeatMap, row: usize, column: usize) -> Option<String> {
    let value = *map.values.get(row)?.get(column)?;
    let value = number::fraction(value);
    let (one, two) = (map.rows.get(row)?, map.columns.get(column)?);
    Some(format!("{one} of {} and {two} of {}: {} {value}", map.y, map.x, map.unit))
}

fn estimator_name(estimator: Estimator) -> String {
    let name = match estimator {
        Estimator::Exact => "exact",
        Estimator::Unbiased => "unbiased",
        Estimator::Minibatch { .. } => "minibatch",
    };
    name.to_owned()
}

fn features_name(features: Features) -> String {
    let name = match features {
        Features::Flat => "flattened: an image is an example",
        Features::Position => "by position: a position is an example",
    };
    name.to_owned()
}
