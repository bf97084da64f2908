//! Metrics of the selected runs over epochs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use basin_core::analysis::curves::{Statistic, key_labels, without_seed};
use basin_core::figure::{Chart, Scale, Series};
use basin_core::run::Summary;
use egui::{ComboBox, Slider, Ui};

use crate::context::Cx;
use crate::kept::Kept;
use crate::panel::Panel;
use crate::runs::{RunView, run_name};
use crate::widget::chart::chart;
use crate::widget::{hint, problem};

/// What the panel remembers.
pub struct CurvesPanel {
    /// Tag that is drawn.
    tag: String,
    view: View,
    /// For a version of the runs.
    drawn: Kept<(u64, String, View), Chart>,
}

/// How curves are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
struct View {
    /// Weight of the past in the exponential moving average, as TensorBoard's; 0 for none.
    smoothing: f64,
    is_log_x: bool,
    is_log_y: bool,
    /// Mean and deviation over replicates instead of a line for each.
    is_grouped: bool,
}

impl Default for CurvesPanel {
    fn default() -> Self {
        let view = View { smoothing: 0.0, is_log_x: false, is_log_y: false, is_grouped: true };
        Self { tag: "eval/test_acc".to_owned(), view, drawn: Kept::default() }
    }
}

impl Panel for CurvesPanel {
    fn title(&self) -> &'static str {
        "Curves"
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let selected = cx.runs.selected();
        if selected.is_empty() {
            hint(ui, "Select runs on the left to see their curves.");
            return;
        }
        let views: Vec<Arc<RunView>> = selected.iter().filter_map(|run| cx.runs.view(run)).collect();
        let summaries = || views.iter().filter_map(|view| Some((&view.run, view.summary.as_ref().ok()?)));
        let tags: BTreeSet<&str> =
            summaries().flat_map(|(_, summary)| summary.curves.keys().map(String::as_str)).collect();
        if !tags.contains(self.tag.as_str()) {
            let best = summaries().find_map(|(_, summary)| summary.best()).map(|(tag, ..)| tag);
            if let Some(tag) = best.or(tags.first().copied()) {
                self.tag = tag.to_owned();
            }
        }
        self.controls(ui, &tags);
        for error in views.iter().filter_map(|view| view.summary.as_ref().err()) {
            problem(ui, error);
        }
        if tags.is_empty() {
            if views.len() < selected.len() {
                hint(ui, "Reading…");
            } else {
                hint(
                    ui,
                    "The selected runs have no numbers yet: nothing was evaluated, or their event files are empty.",
                );
            }
            return;
        }
        let drawn = self.drawn.get((cx.runs.version(), self.tag.clone(), self.view), |(_, tag, view)| {
            let runs: Vec<(String, &str, &Summary)> =
                summaries().map(|(run, summary)| (run_name(run), run.key.as_str(), summary)).collect();
            curves(&runs, tag, *view)
        });
        let height = (ui.available_height() - 40.0).max(200.0);
        chart(ui, cx, &self.tag, drawn, height);
    }
}

impl CurvesPanel {
    fn controls(&mut self, ui: &mut Ui, tags: &BTreeSet<&str>) {
        ui.horizontal_wrapped(|ui| {
            let combo = ComboBox::new("metric", "Metric").width(200.0).selected_text(&self.tag);
            combo.show_ui(ui, |ui| {
                for tag in tags {
                    ui.selectable_value(&mut self.tag, (*tag).to_owned(), *tag);
                }
            });
            ui.add(Slider::new(&mut self.view.smoothing, 0.0..=0.99).text("Smoothing"));
            ui.checkbox(&mut self.view.is_grouped, "Mean and deviation of seeds");
            ui.checkbox(&mut self.view.is_log_x, "Log epochs");
            ui.checkbox(&mut self.view.is_log_y, "Log values");
        });
    }
}

/// The chart of a tag; `runs` are name, key and contents.
fn curves(runs: &[(String, &str, &Summary)], tag: &str, view: View) -> Chart {
    let mut series: Vec<Series> = Vec::new();
    if view.is_grouped {
        let mut groups = BTreeMap::<&str, Vec<&BTreeMap<usize, f64>>>::new();
        for (_, key, summary) in runs {
            if let Some(curve) = summary.curves.get(tag) {
                groups.entry(without_seed(key)).or_default().push(curve);
            }
        }
        let labels = key_labels(&groups.keys().copied().collect::<Vec<_>>());
        for (label, curves) in labels.into_iter().zip(groups.values()) {
            let epochs: BTreeSet<usize> = curves.iter().flat_map(|curve| curve.keys().copied()).collect();
            let at = |epoch: usize| {
                let values = curves.iter().filter_map(|curve| curve.get(&epoch).copied());
                Statistic::of(values).map(|statistic| (epoch as f64, statistic))
            };
            let points: Vec<(f64, Statistic)> = epochs.into_iter().filter_map(at).collect();
            let means = points.iter().map(|(epoch, statistic)| (*epoch, statistic.mean)).collect();
            series.push(match curves.len() {
                1 => Series::new(label, means),
                seeds => {
                    let band =
                        points.iter().map(|(_, statistic)| statistic.deviation.unwrap_or(0.0)).collect();
                    Series { label: format!("{label}, {seeds} seeds"), points: means, band }
                }
            });
        }
    } else {
        let labels = key_labels(&runs.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>());
        series.extend(runs.iter().zip(labels).filter_map(|((_, _, summary), label)| {
            let points = summary.curves.get(tag)?.iter().map(|(epoch, value)| (*epoch as f64, *value));
            Some(Series::new(label, points.collect()))
        }));
    }
    for line in &mut series {
        smooth(&mut line.points, view.smoothing);
    }
    let scale = |is_log| if is_log { Scale::Log } else { Scale::Linear };
    Chart {
        x: "epoch".to_owned(),
        y: tag.to_owned(),
        x_scale: scale(view.is_log_x),
        y_scale: scale(view.is_log_y),
        series,
    }
}

/// The exponential moving average, debiased as TensorBoard's.
fn smooth(points: &mut [(f64, f64)], weight: f64) {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (_, value) in points {
        sum = weight * sum + (1.0 - weight) * *value;
        weights = weight * weights + (1.0 - weight);
        *value = sum / weights;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_a_level_and_follows_a_step_slowly() {
        let mut level = vec![(0.0, 5.0), (1.0, 5.0), (2.0, 5.0)];
        smooth(&mut level, 0.9);
        assert!(level.iter().all(|(_, value)| (value - 5.0).abs() < 1e-12));
        let mut step = vec![(0.0, 0.0), (1.0, 1.0)];
        smooth(&mut step, 0.5);
        // (0.5 * 0 + 0.5 * 1) / (0.5 * 0.5 + 0.5)
        assert!((step[1].1 - 2.0 / 3.0).abs() < 1e-12);
        smooth(&mut step, 0.0);
        assert!((step[1].1 - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn seeds_become_a_mean_with_a_band() {
        let summary = |values: &[f64]| {
            let curve = values.iter().copied().enumerate().collect();
            Summary {
                experiment: None,
                curves: [("eval/test_acc".to_owned(), curve)].into(),
                is_locked: false,
            }
        };
        let (one, two) = (summary(&[0.0, 10.0]), summary(&[2.0, 14.0]));
        let runs = [("a/b".to_owned(), "a/b", &one), ("a/b, replicate 1".to_owned(), "a/b", &two)];
        let view = View { smoothing: 0.0, is_log_x: false, is_log_y: false, is_grouped: true };
        let grouped = curves(&runs, "eval/test_acc", view);
        assert_eq!(grouped.series.len(), 1);
        assert_eq!(grouped.series[0].points, [(0.0, 1.0), (1.0, 12.0)]);
        assert!((grouped.series[0].band[1] - 8f64.sqrt()).abs() < 1e-12);
        assert_eq!(curves(&runs, "eval/test_acc", View { is_grouped: false, ..view }).series.len(), 2);
    }
}
