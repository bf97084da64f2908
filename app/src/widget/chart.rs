//! A line chart of the library, with zoom, values on hover, and a legend that hides lines.

use basin_core::figure::style::{BAND_OPACITY, LINE_WIDTH, Mark, SeriesStyle, series_style};
use basin_core::figure::{Chart, Scale, Series};
use basin_core::number::general;
use egui::{Stroke, Ui};
use egui_plot::{
    ColorConflictHandling, FilledArea, GridInput, GridMark, HoverPosition, Legend, Line, LineStyle,
    MarkerShape, Plot, PlotPoints, Points,
};

use super::colour;
use super::export::export_button;
use crate::context::Cx;

/// Largest number of points of a line with markers.
const MARKED: usize = 40;

/// Draws a chart under a button that exports it under a name.
pub fn chart(ui: &mut Ui, cx: &mut Cx, name: &str, chart: &Chart, height: f32) {
    export_button(ui, cx, name, chart);
    let (x_log, y_log) = (chart.x_scale == Scale::Log, chart.y_scale == Scale::Log);
    let (x_name, y_name) = (chart.x.clone(), chart.y.clone());
    let plot = Plot::new(("chart", name))
        .height(height)
        // The wheel scrolls the panel.
        .allow_scroll(false)
        .legend(legend(ColorConflictHandling::PickLast))
        .x_axis_label(chart.x.clone())
        .y_axis_label(chart.y.clone())
        .x_axis_formatter(move |mark, _| axis_label(mark, x_log))
        .y_axis_formatter(move |mark, _| axis_label(mark, y_log))
        .label_formatter(move |position| {
            let (series, at) = match position {
                HoverPosition::NearDataPoint { plot_name, position, .. } => (*plot_name, position),
                HoverPosition::Elsewhere { position } => ("", position),
            };
            let (x, y) = (value(at.x, x_log), value(at.y, y_log));
            Some(
                format!("{series}\n{x_name}: {}\n{y_name}: {}", general(x), general(y))
                    .trim_start()
                    .to_owned(),
            )
        });
    let plot = if x_log { plot.x_grid_spacer(decades) } else { plot };
    let plot = if y_log { plot.y_grid_spacer(decades) } else { plot };
    let colours: Vec<_> = (0..chart.series.len()).map(|number| colour(ui, number)).collect();
    plot.show(ui, |plot| {
        for (number, series) in chart.series.iter().enumerate() {
            let points = placed(series, x_log, y_log);
            if !series.band.is_empty() {
                let xs: Vec<f64> = points.iter().map(|point| point[0]).collect();
                let [low, high] = [-1.0, 1.0].map(|sign| edge(series, sign, x_log, y_log));
                let area = FilledArea::new(&series.label, &xs, &low, &high);
                plot.add(area.fill_color(colours[number].gamma_multiply(BAND_OPACITY)).allow_hover(false));
            }
            let SeriesStyle { dash, mark, is_filled, .. } = series_style(number);
            if points.len() <= MARKED {
                let marks = Points::new(&series.label, PlotPoints::new(points.clone()));
                let marks = marks.shape(shape(mark)).filled(is_filled).radius(3.0);
                plot.points(marks.color(colours[number]).allow_hover(false));
            }
            let line = Line::new(&series.label, PlotPoints::new(points));
            plot.line(line.stroke(Stroke::new(LINE_WIDTH, colours[number])).style(line_style(dash)));
        }
    });
}

fn shape(mark: Mark) -> MarkerShape {
    match mark {
        Mark::Disc => MarkerShape::Circle,
        Mark::Square => MarkerShape::Square,
        Mark::Triangle => MarkerShape::Up,
        Mark::Diamond => MarkerShape::Diamond,
    }
}

/// The gap after a dash is the plot's own.
fn line_style(dash: Option<(f32, f32)>) -> LineStyle {
    match dash {
        None => LineStyle::Solid,
        Some((dash, gap)) if dash > gap => LineStyle::Dashed { length: dash },
        Some((dash, gap)) => LineStyle::Dotted { spacing: dash + gap },
    }
}

/// A legend in the figure's order. Bands, marks and error bars have the name of what they belong to, so they are shown and hidden
/// with it; `colour` says whether the first or the last of them colours the legend.
pub fn legend(colour: ColorConflictHandling) -> Legend {
    Legend::default().follow_insertion_order(true).color_conflict_handling(colour)
}

/// The points that have a place on the axes; a logarithmic axis has none for 0.
fn placed(series: &Series, x_log: bool, y_log: bool) -> Vec<[f64; 2]> {
    let place = |(x, y): &(f64, f64)| [place(*x, x_log), place(*y, y_log)];
    series.points.iter().map(place).filter(|point| point.iter().all(|c| c.is_finite())).collect()
}

/// One edge of a band, where the line has a place.
fn edge(series: &Series, sign: f64, x_log: bool, y_log: bool) -> Vec<f64> {
    let points = series.points.iter().zip(&series.band);
    let points = points.filter(|((x, y), _)| place(*x, x_log).is_finite() && place(*y, y_log).is_finite());
    points
        .map(|((_, y), band)| {
            let (middle, end) = (place(*y, y_log), place(y + sign * band, y_log));
            if end.is_finite() { end } else { middle }
        })
        .collect()
}

fn place(value: f64, is_log: bool) -> f64 {
    if is_log { value.log10() } else { value }
}

fn value(place: f64, is_log: bool) -> f64 {
    if is_log { 10f64.powf(place) } else { place }
}

fn axis_label(mark: GridMark, is_log: bool) -> String {
    match is_log {
        true if (mark.value - mark.value.round()).abs() > 1e-6 => String::new(),
        _ => general(value(mark.value, is_log)),
    }
}

/// Marks at powers of ten, and at their multiples.
fn decades(input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    if high - low > 100.0 {
        return Vec::new();
    }
    let powers = low.floor() as i64..=high.ceil() as i64;
    let marks = powers.flat_map(|power| (1..10).map(move |factor| (power, f64::from(factor).log10())));
    let mark = |(power, factor): (i64, f64)| GridMark {
        value: power as f64 + factor,
        step_size: if factor == 0.0 { 1.0 } else { 0.1 },
    };
    marks.map(mark).collect()
}
