//! Lines between networks: several in one chart, computed here or by the runner.

mod line;

use std::path::PathBuf;

use basin_core::analysis::interpolation::{Interpolation, barrier_table, chart};
use basin_core::analysis::measures::Metric;
use basin_core::figure::{Chart, Table};
use egui::{ScrollArea, Ui};

use self::line::{LabelledLine, Wanted};
use crate::context::Cx;
use crate::kept::Kept;
use crate::panel::Panel;
use crate::widget::form::{self, Range};
use crate::widget::images::ImageChoice;
use crate::widget::{chart, hint, picker, results, table};

/// What the panel remembers.
pub struct InterpolationPanel {
    ends: [Option<PathBuf>; 2],
    images: ImageChoice,
    coefficients: Range,
    metric: Metric,
    lines: Vec<LabelledLine>,
    /// How many lines there were so far: the number of the next.
    count: usize,
    drawn: Kept<Of, Drawn>,
}

/// What figures are of: a metric, and the state of each line.
type Of = (Metric, Vec<(usize, u64, String)>);

/// The figures.
struct Drawn {
    chart: Chart,
    barriers: Table,
}

impl Default for InterpolationPanel {
    fn default() -> Self {
        Self {
            ends: [None, None],
            images: ImageChoice::default(),
            coefficients: Range::default(),
            metric: Metric::Accuracy,
            lines: Vec::new(),
            count: 0,
            drawn: Kept::default(),
        }
    }
}

impl Panel for InterpolationPanel {
    fn title(&self) -> &'static str {
        "Interpolation"
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            self.form(ui, cx);
            ui.separator();
            self.lines.retain_mut(|line| line.ui(ui, cx));
            self.figures(ui, cx);
        });
    }
}

impl InterpolationPanel {
    fn form(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let [one, two] = &mut self.ends;
        picker::checkpoint(ui, cx, "From", one);
        picker::checkpoint(ui, cx, "To", two);
        self.images.ui(ui);
        self.coefficients.ui(ui, "coefficients");
        ui.horizontal(|ui| {
            if let Some(ends) = form::start(ui, "Compute line", &self.ends, false) {
                let (images, coefficients) = (self.images.clone(), self.coefficients.values());
                let wanted = Wanted { ends, images, coefficients };
                if let Some(line) = self.lines.iter_mut().find(|line| line.is_of(&wanted)) {
                    line.start(ui.ctx(), cx, wanted);
                } else {
                    let mut line = LabelledLine::new(self.count);
                    line.start(ui.ctx(), cx, wanted);
                    self.add(line);
                }
            }
            if let Some(folder) = results::stored(ui, cx, "interpolation") {
                let mut line = LabelledLine::new(self.count);
                line.open(ui.ctx(), folder);
                self.add(line);
            }
        });
    }

    fn add(&mut self, line: LabelledLine) {
        self.count += 1;
        self.lines.push(line);
    }

    fn figures(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let known = || self.lines.iter().filter_map(|line| Some((line.label.as_str(), line.value()?)));
        let mut lines: Vec<(&str, &Interpolation)> = known().collect();
        let Some((_, first)) = lines.first() else {
            hint(
                ui,
                "Choose two checkpoints and compute the line between them, or open a result. Each line is added to the chart.",
            );
            return;
        };
        let longest = lines.iter().map(|(_, line)| line.metrics()).max_by_key(Vec::len);
        form::metric(ui, &mut self.metric, &longest.unwrap_or_else(|| first.metrics()));
        let of = (self.metric, self.lines.iter().map(LabelledLine::state).collect());
        let Drawn { chart, barriers } = self.drawn.get(of, |(metric, _)| {
            let chart = chart(*metric, &lines);
            lines.retain(|(_, line)| line.barrier.is_some());
            Drawn { chart, barriers: barrier_table(&lines) }
        });
        chart::chart(ui, cx, &format!("interpolation-{}", self.metric.name()), chart, 360.0);
        match barriers.rows.is_empty() {
            true => hint(ui, "A line's barrier is known once all of its points are."),
            false => _ = table::table(ui, "barriers", barriers, 240.0),
        }
    }
}
