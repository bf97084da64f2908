//! Criticality: the score of each module, and the surface that it comes from.

use std::path::PathBuf;

use basin_core::analysis::criticality::{
    Bound, Criticality, Grid, Objective, PathKind, Request, Rule, criticality, heat_map, score_bars, table,
};
use basin_core::analysis::measures::Metric;
use basin_core::analysis::named::Named;
use basin_core::data::Split;
use basin_core::figure::{Bars, HeatMap, Table};
use egui::Ui;

use crate::context::Cx;
use crate::kept::Kept;
use crate::panel::analysis::Analysis;
use crate::widget::form::{self, MEMORY, Range};
use crate::widget::images::ImageChoice;
use crate::widget::{bars, heat_map, hint, picker, results, table};

/// Draws of noise for each point, unless another number is chosen; as the runner's.
const DRAWS: usize = 3;

/// What is remembered of the question.
pub struct Surfaces {
    end: Option<PathBuf>,
    start: String,
    path: PathKind,
    alphas: Range,
    sigmas: Range,
    draws: usize,
    seed: usize,
    rule: Rule,
    modules: String,
    images: ImageChoice,
    memory_mib: usize,
    /// Number of the module whose surface is drawn.
    shown: usize,
    metric: Metric,
    analysis: Analysis<Criticality>,
    /// Of a version of the analysis, and of the module whose surface is drawn.
    drawn: Kept<(u64, Metric, usize), Drawn>,
}

/// The figures.
struct Drawn {
    epsilon: String,
    scores: Bars,
    rows: Table,
    surface: Option<HeatMap>,
}

impl Default for Surfaces {
    fn default() -> Self {
        Self {
            end: None,
            start: "0".to_owned(),
            path: PathKind::Direct,
            alphas: Range::default(),
            sigmas: Range::default(),
            draws: DRAWS,
            seed: 0,
            rule: Rule::default(),
            modules: String::new(),
            images: ImageChoice::of(Split::EvalTrain),
            memory_mib: MEMORY,
            shown: 0,
            metric: Metric::Accuracy,
            analysis: Analysis::default(),
            drawn: Kept::default(),
        }
    }
}

impl Surfaces {
    /// Draws form and figures.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        picker::checkpoint(ui, cx, "End of the paths", &mut self.end);
        ui.horizontal_wrapped(|ui| {
            form::text(ui, "Start", "an epoch beside it, or a path", &mut self.start);
            let all = [PathKind::Direct, PathKind::Optimisation];
            form::choice(ui, "Path", &mut self.path, &all, |path| path.name().to_owned());
            form::text(ui, "Modules", "all, or names with commas", &mut self.modules);
        });
        self.images.ui(ui);
        if self.path == PathKind::Direct {
            self.alphas.ui(ui, "alphas");
        }
        self.sigmas.ui(ui, "sigmas");
        self.noise_and_rule(ui);
        ui.horizontal(|ui| {
            let chosen = [self.end.clone()];
            if let Some([end]) = form::start(ui, "Measure", &chosen, self.analysis.is_open()) {
                self.start(ui, cx, end);
            }
            if let Some(folder) = results::stored(ui, cx, "criticality") {
                self.analysis.open(ui.ctx(), folder);
            }
        });
        self.analysis.ui(ui, cx.runs.base());
        ui.separator();
        self.figures(ui, cx);
    }

    fn noise_and_rule(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            form::whole(ui, "Draws", &mut self.draws, 1..=10_000);
            ui.label("draws of noise with seed");
            form::whole(ui, "Seed", &mut self.seed, 0..=usize::MAX);
            let all = [Objective::Loss, Objective::Error, Objective::Auc];
            form::choice(ui, "Objective", &mut self.rule.objective, &all, |one| one.name().to_owned());
            let (Bound::Relative(value) | Bound::Absolute(value)) = self.rule.bound;
            let all = [Bound::Relative(value), Bound::Absolute(value)];
            form::choice(ui, "Bound", &mut self.rule.bound, &all, |bound| match bound {
                Bound::Relative(_) => "times that of the end".to_owned(),
                Bound::Absolute(_) => "absolute (epsilon)".to_owned(),
            });
            let (Bound::Relative(value) | Bound::Absolute(value)) = &mut self.rule.bound;
            form::real(ui, "Bound on the objective", value);
            form::whole(ui, "Memory", &mut self.memory_mib, 1..=1 << 20);
            ui.label("MiB of memory");
        });
    }

    fn start(&mut self, ui: &Ui, cx: &mut Cx, end: PathBuf) {
        let images = self.images.wanted(cx);
        let Ok(start) = self.start.trim().parse::<Named>();
        let (path, rule, modules, memory_bytes) =
            (self.path, self.rule, form::names(&self.modules), self.memory_mib << 20);
        let grid = Grid {
            alphas: self.alphas.values(),
            sigmas: self.sigmas.values(),
            draws: self.draws,
            seed: self.seed as u64,
        };
        self.analysis.start(ui.ctx(), cx, "Criticality", move |watch, job| {
            let (experiment, selection) = images.of(&end)?;
            let request = Request {
                end: &end,
                start: &start,
                path,
                grid: &grid,
                rule,
                modules: &modules,
                selection,
                experiment: &experiment,
                memory_bytes,
                base: &images.base,
                output: None,
                watch: Some(watch),
            };
            criticality(&request, job)
        });
    }

    fn figures(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let Some(result) = self.analysis.value() else {
            if !self.analysis.is_open() {
                hint(ui, "Choose the checkpoint at the end of the paths, or open a result.");
            }
            return;
        };
        ui.horizontal(|ui| {
            let all: Vec<usize> = (0..result.modules.len()).collect();
            self.shown = self.shown.min(all.len().saturating_sub(1));
            let name = |at: usize| result.modules.get(at).map_or(String::new(), |one| one.module.clone());
            form::choice(ui, "Surface of module", &mut self.shown, &all, name);
            form::metric(ui, &mut self.metric, Metric::of_network(&result.end));
        });
        let of = (self.analysis.version(), self.metric, self.shown);
        let Drawn { epsilon, scores, rows, surface } = self.drawn.get(of, |(_, metric, shown)| {
            let surface = result.modules.get(*shown);
            let surface = surface.map(|surface| heat_map(result, surface, *metric));
            let has_points = |map: &HeatMap| map.values.iter().flatten().any(|value| value.is_finite());
            Drawn {
                epsilon: result.epsilon_in_words(),
                scores: score_bars(&[("", result)]),
                rows: table(result),
                surface: surface.filter(has_points),
            }
        });
        match surface {
            Some(map) => _ = heat_map::heat_map(ui, cx, &format!("surface-{}", self.metric.name()), map),
            None => hint(ui, "No point of this module is measured yet."),
        }
        ui.label(epsilon.as_str());
        bars::bars(ui, cx, "criticality", scores, 280.0);
        table::table(ui, "criticality", rows, 300.0);
    }
}
