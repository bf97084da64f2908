//! The curves of Figure 4, and the barriers on them as bars and in a table.

use super::{Height, Interpolation, Point};
use crate::analysis::measures::Metric;
use crate::figure::{BarSeries, Bars, Chart, Series, Table};
use crate::number;

/// The height of a line's barrier in a metric.
fn height(metric: Metric, line: &Interpolation) -> Option<Height> {
    let barrier = line.barrier?;
    match metric {
        Metric::Accuracy => barrier.accuracy,
        Metric::Loss => barrier.loss,
        Metric::Auc => barrier.auc,
    }
}

/// A chart of labelled lines on one split, with the paper's axis labels.
pub fn chart(metric: Metric, lines: &[(&str, &Interpolation)]) -> Chart {
    let series = |(label, line): &(&str, &Interpolation)| {
        let points = line.points.iter();
        Series::new(*label, points.map(|point| (point.coefficient, metric.of(&point.measures))).collect())
    };
    Chart {
        x: "linear interpolation coefficient".to_owned(),
        y: metric.title(split(lines)),
        series: lines.iter().map(series).collect(),
        ..Chart::default()
    }
}

/// The same as a group of bars for each coefficient, as the reference draws them too.
pub fn coefficient_bars(metric: Metric, lines: &[(&str, &Interpolation)]) -> Bars {
    let mut coefficients: Vec<f64> =
        lines.iter().flat_map(|(_, line)| line.points.iter().map(|point| point.coefficient)).collect();
    coefficients.sort_by(f64::total_cmp);
    coefficients.dedup();
    let series = |(label, line): &(&str, &Interpolation)| {
        let value =
            |coefficient: &f64| line.point(*coefficient).map_or(f64::NAN, |point| metric.of(&point.measures));
        let values = coefficients.iter().map(value).collect();
        BarSeries { label: (*label).to_owned(), values, errors: Vec::new() }
    };
    let Chart { x, y, .. } = chart(metric, lines);
    let series = lines.iter().map(series).collect();
    Bars { x, y, categories: coefficients.iter().map(|c| number::fixed(*c, 2)).collect(), series }
}

/// The barriers of labelled lines; error bars are the 95 % intervals.
pub fn bars(metric: Metric, lines: &[(&str, &Interpolation)]) -> Bars {
    let heights: Vec<Option<Height>> = lines.iter().map(|(_, line)| height(metric, line)).collect();
    let each = |of: fn(Height) -> f64| heights.iter().map(|height| height.map_or(f64::NAN, of)).collect();
    Bars {
        x: "line".to_owned(),
        y: format!("barrier in {}", metric.title(split(lines))),
        categories: lines.iter().map(|(label, _)| (*label).to_owned()).collect(),
        series: vec![BarSeries {
            label: String::new(),
            values: each(|height| height.value),
            errors: heights
                .iter()
                .map(|height| height.and_then(|height| height.interval).unwrap_or([f64::NAN; 2]))
                .collect(),
        }],
    }
}

/// The points of a line.
pub fn point_table(line: &Interpolation) -> Table {
    let metrics = line.metrics();
    let titles = metrics.iter().map(|metric| metric.title(line.split()));
    let row = |point: &Point| {
        let values = metrics.iter().map(|metric| metric.show(&point.measures));
        std::iter::once(number::fixed(point.coefficient, 4)).chain(values).collect()
    };
    Table {
        columns: std::iter::once("coefficient".to_owned()).chain(titles).collect(),
        rows: line.points.iter().map(row).collect(),
    }
}

/// The barriers of labelled lines, a row for each line and metric.
pub fn barrier_table(lines: &[(&str, &Interpolation)]) -> Table {
    let row = |label: &str, line: &Interpolation, metric: Metric| {
        let end = |at: f64| line.point(at).map(|point| metric.of(&point.measures));
        let digits = |value| number::or_undefined(value, |value| metric.digits(value));
        let height = height(metric, line);
        let interval = height.and_then(|height| height.interval);
        let bound = |value| number::or_absent(value, |value| metric.digits(value));
        vec![
            label.to_owned(),
            metric.title(line.split()),
            digits(end(0.0)),
            digits(end(1.0)),
            digits(height.map(|height| height.value)),
            bound(interval.map(|ends| ends[0])),
            bound(interval.map(|ends| ends[1])),
            number::or_undefined(height.map(|height| height.at), |at| number::fixed(at, 3)),
        ]
    };
    let columns = ["line", "metric", "at 0", "at 1", "barrier", "from", "to (95 %)", "at coefficient"];
    let rows = lines
        .iter()
        .flat_map(|(label, line)| line.metrics().into_iter().map(move |metric| row(label, line, metric)));
    Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
}

fn split<'a>(lines: &[(&str, &'a Interpolation)]) -> &'a str {
    lines.first().map_or("test", |(_, line)| line.split())
}
