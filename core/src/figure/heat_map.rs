//! Heat maps: a matrix as colours, with a bar that says what they mean, and as numbers where there is room.

use super::axis::{Axis, Scale, linear_label};
use super::canvas::{Anchor, Canvas, Font, text_width};
use super::colour_map::{colour, gradient};
use super::frame::{Frame, room_left};
use super::style::{CROSSED, GAP, LARGE, MARGIN, PALE_INK, PAPER, SMALL, TINY};
use super::{Figure, csv_line};
use crate::error::{Error, Result};
use crate::number;

/// The plot's longer side for a big matrix, pixels at 96 dpi.
const SIDE: f64 = 440.0;
/// Sides of a cell, least and most.
const CELL: (f64, f64) = (7.0, 40.0);
/// The least side of a cell in which a number can be read.
const LEGIBLE: f64 = 22.0;
/// Width of the colour bar and of the space before it.
const BAR: (f64, f64) = (16.0, 18.0);

/// A matrix over two axes of categories.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeatMap {
    /// What the columns are.
    pub x: String,
    /// What the rows are.
    pub y: String,
    /// What the colours show, with its unit.
    pub unit: String,
    /// Labels from left to right.
    pub columns: Vec<String>,
    /// Labels from top to bottom.
    pub rows: Vec<String>,
    /// `[rows][columns]`; NaN where there is no value.
    pub values: Vec<Vec<f64>>,
    /// Values of the darkest and the lightest colour, that of the data unless set; values beyond take the colour of the end.
    pub range: Option<(f64, f64)>,
    /// Stands above the map; empty for none.
    pub title: String,
}

impl HeatMap {
    /// The colour axis.
    fn axis(&self) -> Axis {
        let values = self.values.iter().flatten().copied();
        match self.range {
            Some((low, high)) => Axis::around(Scale::Linear, [low, high], 0.0),
            None => Axis::around(Scale::Linear, values, 0.0),
        }
    }

    fn cells(&self, canvas: &mut Canvas, frame: &Frame, axis: &Axis, cell: f64) {
        let decimals_of = axis.length() / 100.0;
        for (row, values) in self.values.iter().enumerate() {
            for (column, &value) in values.iter().enumerate() {
                let corner = (frame.left + column as f64 * cell, frame.top + row as f64 * cell);
                let Some(share) = axis.share(value) else {
                    canvas.rect(corner, (cell, cell), &format!("fill=\"{PAPER}\""));
                    canvas.line(corner, (corner.0 + cell, corner.1 + cell), &format!("stroke=\"{CROSSED}\""));
                    continue;
                };
                let shade = colour(share);
                // A stroke of the same colour leaves no seams between the cells.
                let fill = format!("fill=\"{shade}\" stroke=\"{shade}\" stroke-width=\"0.6\"");
                canvas.rect(corner, (cell, cell), &fill);
                if cell >= LEGIBLE {
                    let font = Font { colour: shade.ink_on(), ..Font::new(TINY, Anchor::Middle) };
                    let middle = (corner.0 + cell / 2.0, corner.1 + cell / 2.0);
                    canvas.text(middle, font, &linear_label(value, decimals_of));
                }
            }
        }
    }

    fn colour_bar(&self, canvas: &mut Canvas, frame: &Frame, axis: &Axis) -> f64 {
        let bar = Frame { left: frame.right() + BAR.1, width: BAR.0, ..*frame };
        canvas.add(&gradient());
        canvas.rect((bar.left, bar.top), (bar.width, bar.height), "fill=\"url(#viridis)\"");
        bar.border(canvas);
        let mut right = bar.right() + GAP;
        for (share, label) in axis.ticks((frame.height / 50.0).ceil() as usize) {
            let (x, y) = bar.at(1.0, share);
            canvas.line((x, y), (x + GAP / 2.0, y), &format!("stroke=\"{PALE_INK}\""));
            canvas.text((x + GAP, y), Font::new(SMALL, Anchor::Start), &label);
            right = right.max(x + GAP + text_width(&label, SMALL));
        }
        let place = (right + MARGIN, bar.top + bar.height / 2.0);
        canvas.text(place, Font { turn: -90.0, ..Font::new(LARGE, Anchor::Middle) }, &self.unit);
        place.0 + LARGE / 2.0 + MARGIN
    }
}

impl Figure for HeatMap {
    fn svg(&self) -> Result<String> {
        let (rows, columns) = (self.rows.len(), self.columns.len());
        if self.values.len() != rows || self.values.iter().any(|row| row.len() != columns) {
            return Err(Error::run(format!(
                "the heat map of {} has other values than its {rows} rows of {columns}",
                self.unit
            )));
        }
        let axis = self.axis();
        let cell = (SIDE / rows.max(columns).max(1) as f64).clamp(CELL.0, CELL.1);
        let mut canvas = Canvas::default();
        let left = room_left(self.rows.iter().map(String::as_str));
        let top = MARGIN + if self.title.is_empty() { 0.0 } else { 24.0 };
        let frame = Frame { left, top, width: cell * columns as f64, height: cell * rows as f64 };
        if !self.title.is_empty() {
            let middle = (left + frame.width / 2.0, MARGIN + LARGE / 2.0);
            canvas.text(middle, Font::new(LARGE, Anchor::Middle), &self.title);
        }
        self.cells(&mut canvas, &frame, &axis, cell);
        frame.border(&mut canvas);
        frame.y_categories(&mut canvas, &self.rows, &self.y);
        let bottom = frame.x_categories(&mut canvas, &self.columns, &self.x);
        let right = self.colour_bar(&mut canvas, &frame, &axis);
        Ok(canvas
            .finish((right, bottom + MARGIN / 2.0), &format!("{} by {} and {}", self.unit, self.y, self.x)))
    }

    /// The matrix, with the columns' labels as heading and the rows' labels in front.
    fn csv(&self) -> String {
        let corner = format!("{} \\ {}", self.y, self.x);
        let heading = csv_line(std::iter::once(&corner).chain(&self.columns));
        let lines = self.rows.iter().zip(&self.values).map(|(label, values)| {
            csv_line(std::iter::once(label.clone()).chain(values.iter().copied().map(number::csv)))
        });
        std::iter::once(heading).chain(lines).collect()
    }
}
