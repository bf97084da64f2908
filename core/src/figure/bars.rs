//! Groups of bars that read in grey and by the colour-blind: each series has a colour and a hatching of its own.

use super::axis::{Axis, Scale};
use super::canvas::Canvas;
use super::frame::{Frame, room_left};
use super::legend::{SAMPLE, legend};
use super::series::{fill, hatches};
use super::style::{BAR_GROUP, ERROR_WIDTH, INK, MARGIN};
use super::{Figure, csv_line};
use crate::error::{Error, Result};
use crate::number;

/// Width of the plot itself, pixels at 96 dpi; many categories make it wider.
const WIDTH: f64 = 470.0;
/// Height of the plot itself.
const HEIGHT: f64 = 270.0;
/// Width of a bar and of the space between two groups, at least.
const BAR: f64 = 7.0;

/// A group of bars for each category, from zero, with error bars.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bars {
    /// What the categories are.
    pub x: String,
    /// What the bars show, with its unit.
    pub y: String,
    /// From left to right.
    pub categories: Vec<String>,
    /// The bars of each group; at most seven can be told apart.
    pub series: Vec<BarSeries>,
}

/// One bar in each category.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BarSeries {
    /// Its name in the legend.
    pub label: String,
    /// The value in each category; NaN where there is none.
    pub values: Vec<f64>,
    /// The lower and the upper end of each error bar; empty for none.
    pub errors: Vec<[f64; 2]>,
}

impl BarSeries {
    /// Category, value and ends of the error bar of each bar that is there.
    fn bars(&self) -> impl Iterator<Item = (usize, f64, [f64; 2])> {
        let bars = self.values.iter().enumerate().filter(|(_, value)| value.is_finite());
        bars.map(|(category, &value)| {
            let ends = self.errors.get(category).copied();
            (
                category,
                value,
                ends.filter(|ends| ends.iter().all(|end| end.is_finite())).unwrap_or([value; 2]),
            )
        })
    }
}

impl Figure for Bars {
    fn svg(&self) -> Result<String> {
        let count = self.categories.len();
        for BarSeries { label, values, errors } in &self.series {
            if values.len() != count || !(errors.is_empty() || errors.len() == count) {
                let (values, errors) = (values.len(), errors.len());
                return Err(Error::run(format!(
                    "{label} has {values} bars and {errors} error bars for {count} categories"
                )));
            }
        }
        let ends = self
            .series
            .iter()
            .flat_map(BarSeries::bars)
            .flat_map(|(_, value, [low, high])| [value, low, high]);
        let axis = Axis::around(Scale::Linear, ends.chain([0.0]), 0.0).padded(0.05);
        let ticks = axis.ticks(6);

        let mut canvas = Canvas::default();
        canvas.add(&hatches(self.series.len()));
        let left = room_left(ticks.iter().map(|(_, label)| label.as_str()));
        let width = WIDTH.max(count as f64 * BAR * (self.series.len() as f64 + 1.0));
        let labels: Vec<&str> = self.series.iter().map(|series| series.label.as_str()).collect();
        let top = MARGIN
            + legend(&mut canvas, &labels, (left, MARGIN), width, |canvas, number, (x, y)| {
                canvas.rect((x, y - 6.0), (SAMPLE, 12.0), &fill(number));
            });
        let frame = Frame { left, top, width, height: HEIGHT };
        frame.y_axis(&mut canvas, &ticks, &self.y);
        let bottom = frame.x_categories(&mut canvas, &self.categories, &self.x);

        let y = |value: f64| frame.at(0.0, axis.share(value).unwrap_or(0.0)).1;
        let slot = width / count.max(1) as f64;
        let bar = BAR_GROUP * slot / self.series.len().max(1) as f64;
        let error = format!("stroke=\"{INK}\" stroke-width=\"{ERROR_WIDTH}\"");
        for (number, series) in self.series.iter().enumerate() {
            for (category, value, [low, high]) in series.bars() {
                let x = left + slot * (category as f64 + 0.5 * (1.0 - BAR_GROUP)) + bar * number as f64;
                let (upper, lower) = (y(value.max(0.0)), y(value.min(0.0)));
                canvas.rect((x, upper), (bar, lower - upper), &fill(number));
                if high > low {
                    let (middle, cap) = (x + bar / 2.0, (bar / 4.0).min(5.0));
                    let (high, low) = (y(high), y(low));
                    canvas.line((middle, high), (middle, low), &error);
                    for end in [high, low] {
                        canvas.line((middle - cap, end), (middle + cap, end), &error);
                    }
                }
            }
        }
        let zero = format!("stroke=\"{INK}\" stroke-width=\"1\"");
        canvas.line((left, y(0.0)), (frame.right(), y(0.0)), &zero);
        frame.border(&mut canvas);
        let size = (frame.right() + 2.0 * MARGIN, bottom + MARGIN / 2.0);
        Ok(canvas.finish(size, &format!("{} by {}", self.y, self.x)))
    }

    /// `series,<x>,<y>,from,to` lines, where the last two are the ends of the error bar.
    fn csv(&self) -> String {
        let lines = self.series.iter().flat_map(|series| {
            self.categories.iter().zip(&series.values).enumerate().map(|(number, (category, value))| {
                let ends = series.errors.get(number).map(|ends| ends.map(number::csv)).unwrap_or_default();
                csv_line([&series.label, category, &number::csv(*value), &ends[0], &ends[1]])
            })
        });
        std::iter::once(csv_line(["series", &self.x, &self.y, "from", "to"])).chain(lines).collect()
    }
}
