//! Line charts that read in grey and by the colour-blind: each line has a colour, a dash and a marker of its own.

use std::path::Path;

use plotters::prelude::*;

use super::png::png;
use crate::error::{Error, Result};
use crate::file::write_atomically;

/// Width and height of a chart, pixels at 96 dpi.
const SIZE: (u32, u32) = (560, 380);
/// Pixels of the PNG for one of the chart.
const PNG_SCALE: f32 = 2.0;
/// The palette of Okabe and Ito (2008), dark ones first.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
];
/// Length of a line in the legend, pixels.
const LEGEND_LINE: i32 = 28;
/// Length of a dash and of the gap after it, pixels; no gap is a full line.
const DASHES: [(i32, i32); 4] = [(LEGEND_LINE, 0), (8, 4), (3, 3), (14, 4)];

/// Lines over two linear axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What the horizontal axis shows, with its unit.
    pub x: String,
    /// What the vertical axis shows, with its unit.
    pub y: String,
    /// The lines; at most seven can be told apart by colour.
    pub series: Vec<Series>,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub label: String,
    /// From left to right; what is not finite is left out.
    pub points: Vec<(f64, f64)>,
}

impl Chart {
    /// The chart as a stand-alone SVG document.
    ///
    /// # Errors
    /// [`Error::Run`] if it cannot be laid out.
    pub fn svg(&self) -> Result<String> {
        let mut text = String::new();
        self.draw(&mut text)
            .map_err(|error| Error::run(format!("the chart of {} cannot be laid out: {error}", self.y)))?;
        Ok(text)
    }

    /// The points as `series,<x>,<y>` lines.
    pub fn csv(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let lines = self.series.iter().flat_map(|series| {
            let label = quoted(&series.label);
            series.points.iter().map(move |(x, y)| format!("{label},{x},{y}\n"))
        });
        std::iter::once(format!("series,{},{}\n", quoted(&self.x), quoted(&self.y))).chain(lines).collect()
    }

    /// Writes `<stem>.svg`, `<stem>.png` and `<stem>.csv`.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn save(&self, stem: &Path) -> Result<()> {
        let svg = self.svg()?;
        let png = png(&svg, PNG_SCALE)?;
        let csv = self.csv();
        for (ending, bytes) in [("svg", svg.as_bytes()), ("png", &png), ("csv", csv.as_bytes())] {
            write_atomically(&stem.with_extension(ending), |file| file.write_all(bytes))?;
        }
        Ok(())
    }

    fn draw(&self, text: &mut String) -> std::result::Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let finite = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
            points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect()
        };
        let lines: Vec<Vec<(f64, f64)>> = self.series.iter().map(|series| finite(&series.points)).collect();
        let (x_range, _) = range(lines.iter().flatten().map(|(x, _)| *x), 0.0);
        let (y_range, decimals) = range(lines.iter().flatten().map(|(_, y)| *y), 0.05);
        let font = |size: i32| ("sans-serif", size);
        let mut builder = ChartBuilder::on(&root);
        builder.margin(12).margin_right(20).x_label_area_size(44).y_label_area_size(58);
        let mut chart = builder.build_cartesian_2d(x_range, y_range)?;
        chart
            .configure_mesh()
            .x_desc(&self.x)
            .y_desc(&self.y)
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(228, 228, 228))
            .label_style(font(13))
            .axis_desc_style(font(14))
            .y_label_formatter(&|value| format!("{value:.decimals$}"))
            .draw()?;
        for (number, (series, points)) in self.series.iter().zip(&lines).enumerate() {
            let line = COLOURS[number % COLOURS.len()].stroke_width(2);
            let (dash, gap) = DASHES[number % DASHES.len()];
            let annotation = if gap == 0 {
                chart.draw_series(LineSeries::new(points.iter().copied(), line))?
            } else {
                chart.draw_series(DashedLineSeries::new(points.iter().copied(), dash, gap, line))?
            };
            annotation.label(&series.label).legend(move |(x, y)| {
                let sample = plotters::element::DashedPathElement::new(
                    [(x, y), (x + LEGEND_LINE, y)],
                    dash,
                    gap,
                    line,
                );
                EmptyElement::at((0, 0)) + sample + marker(number, (x + LEGEND_LINE / 2, y))
            });
            chart
                .draw_series(points.iter().map(|point| EmptyElement::at(*point) + marker(number, (0, 0))))?;
        }
        if self.series.len() > 1 {
            chart
                .configure_series_labels()
                .position(emptiest_corner(&lines))
                .legend_area_size(LEGEND_LINE + 8)
                .background_style(WHITE.mix(0.85))
                .border_style(RGBColor(180, 180, 180))
                .label_font(font(13))
                .draw()?;
        }
        root.present()?;
        Ok(())
    }
}

/// A filled shape around a place: disc, square, triangle or diamond.
fn marker(number: usize, (x, y): (i32, i32)) -> Polygon<(i32, i32)> {
    const SHAPES: [&[(i32, i32)]; 4] = [
        &[(-4, -2), (-2, -4), (2, -4), (4, -2), (4, 2), (2, 4), (-2, 4), (-4, 2)],
        &[(-3, -3), (3, -3), (3, 3), (-3, 3)],
        &[(-4, 3), (4, 3), (0, -4)],
        &[(-5, 0), (0, -5), (5, 0), (0, 5)],
    ];
    let corners = SHAPES[number % SHAPES.len()].iter().map(|(right, down)| (x + right, y + down));
    Polygon::new(corners.collect::<Vec<_>>(), COLOURS[number % COLOURS.len()].filled())
}

/// The corner of the chart that fewest points lie near, for the legend.
fn emptiest_corner(lines: &[Vec<(f64, f64)>]) -> SeriesLabelPosition {
    let bounds = |axis: fn(&(f64, f64)) -> f64| range(lines.iter().flatten().map(axis), 0.0).0;
    let (x, y) = (bounds(|point| point.0), bounds(|point| point.1));
    let share = |value: f64, range: &std::ops::Range<f64>| (value - range.start) / (range.end - range.start);
    let crowd = |right: bool, upper: bool| {
        let near = |value: f64, far_end: bool| if far_end { value > 0.6 } else { value < 0.4 };
        let points = lines.iter().flatten();
        points.filter(|point| near(share(point.0, &x), right) && near(share(point.1, &y), upper)).count()
    };
    let corners = [
        (SeriesLabelPosition::LowerRight, crowd(true, false)),
        (SeriesLabelPosition::UpperRight, crowd(true, true)),
        (SeriesLabelPosition::UpperLeft, crowd(false, true)),
        (SeriesLabelPosition::LowerLeft, crowd(false, false)),
    ];
    corners
        .into_iter()
        .min_by_key(|(_, crowd)| *crowd)
        .map_or(SeriesLabelPosition::LowerRight, |(corner, _)| corner)
}

/// A range around values with a margin on both sides, and the decimals that its labels need.
fn range(values: impl Iterator<Item = f64>, margin: f64) -> (std::ops::Range<f64>, usize) {
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return (0.0..1.0, 1);
    }
    let extent = if high > low { high - low } else { high.abs().max(1.0) * 0.1 };
    let decimals = (1.0 - extent.log10()).ceil().clamp(0.0, 6.0) as usize;
    let pad = if high > low { margin * extent } else { extent };
    (low - pad..high + pad, decimals)
}
