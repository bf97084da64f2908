//! A bar chart of the library, with error bars and values on hover.

use basin_core::figure::Bars;
use basin_core::figure::style::{BAR_GROUP, ERROR_WIDTH};
use basin_core::number::general;
use egui::{Stroke, Ui};
use egui_plot::{Bar, BarChart, ColorConflictHandling, GridMark, Line, Plot, PlotPoints};

use super::chart::legend;
use super::colour;
use super::export::export_button;
use crate::context::Cx;

/// Draws bars under a button that exports them under a name.
pub fn bars(ui: &mut Ui, cx: &mut Cx, name: &str, bars: &Bars, height: f32) {
    export_button(ui, cx, name, bars);
    let categories = bars.categories.clone();
    let colours: Vec<_> = (0..bars.series.len()).map(|series| colour(ui, series)).collect();
    let ink = Stroke::new(ERROR_WIDTH, ui.visuals().strong_text_color());
    let width = BAR_GROUP / bars.series.len().max(1) as f64;
    let whole = |input: egui_plot::GridInput| {
        let (low, high) = (input.bounds.0.ceil() as i64, input.bounds.1.floor() as i64);
        // Where names have no room, every fourth does.
        let mark = |at: i64| GridMark { value: at as f64, step_size: if at % 4 == 0 { 4.0 } else { 1.0 } };
        (low..=high.min(low + 500)).map(mark).collect()
    };
    Plot::new(("bars", name))
        .height(height)
        // The wheel scrolls the panel.
        .allow_scroll(false)
        .include_x(-BAR_GROUP)
        .include_x(bars.categories.len() as f64 - 1.0 + BAR_GROUP)
        .include_y(0.0)
        .legend(legend(ColorConflictHandling::PickFirst))
        .x_axis_label(bars.x.clone())
        .y_axis_label(bars.y.clone())
        .x_grid_spacer(whole)
        .x_axis_formatter(move |mark, _| {
            let at = mark.value.round();
            let category = (at >= 0.0).then(|| categories.get(at as usize)).flatten();
            category.cloned().unwrap_or_default()
        })
        .show(ui, |plot| {
            for (number_of, series) in bars.series.iter().enumerate() {
                let x =
                    |category: usize| category as f64 - BAR_GROUP / 2.0 + (number_of as f64 + 0.5) * width;
                let there = || series.values.iter().enumerate().filter(|(_, value)| value.is_finite());
                let bar = |(category, value): (usize, &f64)| {
                    let name = format!("{}, {}", series.label, bars.categories[category]);
                    Bar::new(x(category), *value).width(width).name(name)
                };
                let unit = bars.y.clone();
                let chart = BarChart::new(&series.label, there().map(bar).collect());
                let say =
                    move |bar: &Bar, _: &BarChart| format!("{}\n{unit}: {}", bar.name, general(bar.value));
                plot.bar_chart(chart.color(colours[number_of]).element_formatter(Box::new(say)));
                for (category, [low, high]) in there().filter_map(|(c, _)| Some((c, *series.errors.get(c)?)))
                {
                    if low.is_finite() && high > low {
                        let points = vec![[x(category), low], [x(category), high]];
                        let line = Line::new(&series.label, PlotPoints::new(points));
                        plot.line(line.stroke(ink).allow_hover(false));
                    }
                }
            }
        });
}
