//! Any figure of an analysis, drawn by the widget of its kind.

use basin_core::figure::{Drawing, HeatMap};
use basin_core::number::general;
use egui::Ui;

use super::bars::bars;
use super::chart::chart;
use super::heat_map::heat_map;
use crate::context::Cx;

/// Heights of charts and bars, points.
const CHART: f32 = 340.0;
const BARS: f32 = 280.0;

/// Draws a figure under a button that exports it under a name. A cell of a heat map that is clicked is told in words.
pub fn drawing(ui: &mut Ui, cx: &mut Cx, name: &str, drawing: &Drawing) {
    match drawing {
        Drawing::Chart(figure) => chart(ui, cx, name, figure, CHART),
        Drawing::Bars(figure) => bars(ui, cx, name, figure, BARS),
        Drawing::HeatMap(map) => {
            let id = ui.scope_id().with(("clicked cell", name));
            if let Some(cell) = heat_map(ui, cx, name, map) {
                ui.data_mut(|data| data.insert_temp(id, cell));
            }
            let clicked: Option<(usize, usize)> = ui.data(|data| data.get_temp(id));
            if let Some(sentence) = clicked.and_then(|cell| in_words(map, cell)) {
                ui.label(sentence);
            }
        }
    }
}

/// Whether there is something to draw.
pub fn has_values(drawing: &Drawing) -> bool {
    match drawing {
        Drawing::Chart(chart) => chart.series.iter().any(|series| !series.points.is_empty()),
        Drawing::Bars(bars) => {
            bars.series.iter().flat_map(|series| &series.values).any(|value| value.is_finite())
        }
        Drawing::HeatMap(map) => map.values.iter().flatten().any(|value| value.is_finite()),
    }
}

/// A cell of a map.
fn in_words(map: &HeatMap, (row, column): (usize, usize)) -> Option<String> {
    let value = *map.values.get(row)?.get(column)?;
    let value = if value.is_nan() { "undefined".to_owned() } else { general(value) };
    let (one, two) = (map.rows.get(row)?, map.columns.get(column)?);
    Some(format!("{}: {one}, {}: {two}, {}: {value}", map.y, map.x, map.unit))
}
