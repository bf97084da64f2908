//! Line charts that read in grey and by the colour-blind: each line has a colour, a dash and a marker of its own.

use super::axis::{Axis, Scale};
use super::canvas::{Canvas, Place};
use super::frame::{Frame, room_left};
use super::legend::{SAMPLE, legend};
use super::series::{band, marker, stroke};
use super::style::MARGIN;
use super::{Figure, csv_line};
use crate::error::{Error, Result};
use crate::number;

/// Width and height of the plot itself, pixels at 96 dpi.
const PLOT: (f64, f64) = (470.0, 290.0);
/// Labels on an axis, about.
const TICKS: usize = 6;
/// A line with more points has no marker on each, but so many pixels apart.
const MARKERS: usize = 24;
const MARKERS_APART: f64 = 18.0;

/// Lines over two axes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chart {
    /// What the horizontal axis shows, with its unit.
    pub x: String,
    /// What the vertical axis shows, with its unit.
    pub y: String,
    /// The horizontal axis.
    pub x_scale: Scale,
    /// The vertical axis.
    pub y_scale: Scale,
    /// The lines; at most seven can be told apart by colour, 28 by dash and marker.
    pub series: Vec<Series>,
}

/// One line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub label: String,
    /// From left to right; what is not finite is left out.
    pub points: Vec<(f64, f64)>,
    /// Deviation of each point, drawn as a band up and down; empty for none.
    pub band: Vec<f64>,
}

impl Series {
    /// A line without a band.
    pub fn new(label: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { label: label.into(), points, band: Vec::new() }
    }

    /// Points with what they deviate.
    fn deviations(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let band = |number: usize| self.band.get(number).copied().filter(|d| d.is_finite()).unwrap_or(0.0);
        self.points.iter().enumerate().map(move |(number, &(x, y))| (x, y, band(number)))
    }
}

impl Figure for Chart {
    fn svg(&self) -> Result<String> {
        let misfit = |series: &&Series| !series.band.is_empty() && series.band.len() != series.points.len();
        if let Some(Series { label, points, band }) = self.series.iter().find(misfit) {
            let (points, band) = (points.len(), band.len());
            return Err(Error::run(format!("{label} has {points} points and a band of {band}")));
        }
        let finite = |&(x, y, _): &(f64, f64, f64)| x.is_finite() && y.is_finite();
        let all = || self.series.iter().flat_map(Series::deviations).filter(finite);
        let x = Axis::around(self.x_scale, all().map(|(x, _, _)| x), 0.02);
        let y = Axis::around(self.y_scale, all().flat_map(|(_, y, d)| [y - d, y, y + d]), 0.05);
        let (x_ticks, y_ticks) = (x.ticks(TICKS), y.ticks(TICKS));

        let mut canvas = Canvas::default();
        let left = room_left(y_ticks.iter().map(|(_, label)| label.as_str()));
        let labels: Vec<&str> = self.series.iter().map(|series| series.label.as_str()).collect();
        let top = MARGIN
            + legend(&mut canvas, &labels, (left, MARGIN), PLOT.0, |canvas, number, (x, y)| {
                canvas.line((x, y), (x + SAMPLE, y), &stroke(number));
                marker(canvas, number, (x + SAMPLE / 2.0, y));
            });
        let frame = Frame { left, top, width: PLOT.0, height: PLOT.1 };
        let bottom = frame.x_axis(&mut canvas, &x_ticks, &self.x);
        frame.y_axis(&mut canvas, &y_ticks, &self.y);

        let at = |px: f64, py: f64| Some(frame.at(x.share(px)?, y.share(py)?));
        for (number, series) in self.series.iter().enumerate().filter(|(_, series)| !series.band.is_empty()) {
            let edge = |sign: f64| -> Vec<Place> {
                let edge = series.deviations().filter_map(|(px, py, d)| {
                    at(px, py)?;
                    // What a band has below the end of a logarithmic axis is cut off.
                    Some(frame.at(x.share(px)?, y.share(py + sign * d).unwrap_or(0.0).max(0.0)))
                });
                edge.collect()
            };
            let (upper, mut lower) = (edge(1.0), edge(-1.0));
            lower.reverse();
            canvas.polygon(&[upper, lower].concat(), &band(number));
        }
        for (number, series) in self.series.iter().enumerate() {
            let places: Vec<Place> = series.points.iter().filter_map(|&(px, py)| at(px, py)).collect();
            if places.len() > 1 {
                canvas.path(&places, &stroke(number));
            }
            let apart = if places.len() > MARKERS { MARKERS_APART } else { 0.0 };
            let mut last: Option<Place> = None;
            for &place in &places {
                if last.is_none_or(|last| (place.0 - last.0).hypot(place.1 - last.1) >= apart) {
                    marker(&mut canvas, number, place);
                    last = Some(place);
                }
            }
        }
        frame.border(&mut canvas);
        let size = (frame.right() + 2.0 * MARGIN, bottom + MARGIN / 2.0);
        Ok(canvas.finish(size, &format!("{} over {}", self.y, self.x)))
    }

    /// `series,<x>,<y>` lines, with the deviation as a fourth column where there is one.
    fn csv(&self) -> String {
        // A point is listed though its value is not known.
        let value = |value: f64| if value.is_nan() { "NaN".to_owned() } else { number::csv(value) };
        let bands = self.series.iter().any(|series| !series.band.is_empty());
        let line = |label: &str, x: &str, y: &str, deviation: &str| {
            csv_line([label, x, y, deviation].into_iter().take(if bands { 4 } else { 3 }))
        };
        let lines = self.series.iter().flat_map(|series| {
            series.points.iter().enumerate().map(move |(number, (x, y))| {
                let deviation = series.band.get(number).copied().map(number::csv).unwrap_or_default();
                line(&series.label, &value(*x), &value(*y), &deviation)
            })
        });
        std::iter::once(line("series", &self.x, &self.y, "deviation")).chain(lines).collect()
    }
}
