//! Figures: charts, bars and heat maps as SVG, PNG and CSV, tables, and HTML pages of them. Knows nothing of how numbers
//! were made.
//!
//! The drawing is our own SVG: rows of categories need slanted labels and bars need hatching to be told apart in grey.

mod axis;
mod bars;
mod canvas;
mod chart;
mod colour_map;
mod frame;
mod heat_map;
mod legend;
mod page;
mod pdf;
mod png;
mod series;
mod sheet;
pub mod style;
mod table;

use std::path::Path;

use crate::error::Result;
use crate::file::write_atomically;
use crate::text::{printable, printable_lines};

pub use axis::Scale;
pub use bars::{BarSeries, Bars};
pub use chart::{Chart, Series};
pub use colour_map::colour as map_colour;
pub use heat_map::HeatMap;
pub use page::Page;
pub use pdf::pdf;
pub use png::png;
pub use sheet::{Group, PICTURE, Picture, Sheet};
pub use table::{Table, number_of};

/// Pixels of the PNG for one of the figure.
const PNG_SCALE: f32 = 2.0;

/// What can be drawn and written as numbers.
pub trait Figure {
    /// The figure as a stand-alone SVG document.
    ///
    /// # Errors
    /// [`crate::error::Error::Run`] if its parts do not fit together.
    fn svg(&self) -> Result<String>;

    /// The numbers that are drawn, with a heading line.
    fn csv(&self) -> String;

    /// Writes `<stem>.svg`, `<stem>.pdf`, `<stem>.png` and `<stem>.csv`.
    ///
    /// # Errors
    /// Those of [`Figure::svg`], and [`crate::error::Error::Io`] naming the file.
    fn save(&self, stem: &Path) -> Result<()> {
        let svg = self.svg()?;
        let (pdf, png) = (pdf(&svg)?, png(&svg, PNG_SCALE)?);
        let csv = self.csv();
        for (ending, bytes) in
            [("svg", svg.as_bytes()), ("pdf", &pdf), ("png", &png), ("csv", csv.as_bytes())]
        {
            // A stem such as `lr0.02` has no ending to replace.
            let mut path = stem.as_os_str().to_owned();
            path.push(format!(".{ending}"));
            write_atomically(path.as_ref(), |file| file.write_all(bytes))?;
        }
        Ok(())
    }
}

/// Any figure of an analysis.
#[derive(Debug, Clone, PartialEq)]
pub enum Drawing {
    /// Lines.
    Chart(Chart),
    /// Bars.
    Bars(Bars),
    /// A heat map.
    HeatMap(HeatMap),
}

impl Drawing {
    fn figure(&self) -> &dyn Figure {
        match self {
            Self::Chart(chart) => chart,
            Self::Bars(bars) => bars,
            Self::HeatMap(map) => map,
        }
    }
}

impl Figure for Drawing {
    fn svg(&self) -> Result<String> {
        self.figure().svg()
    }

    fn csv(&self) -> String {
        self.figure().csv()
    }
}

impl From<Chart> for Drawing {
    fn from(chart: Chart) -> Self {
        Self::Chart(chart)
    }
}

impl From<Bars> for Drawing {
    fn from(bars: Bars) -> Self {
        Self::Bars(bars)
    }
}

impl From<HeatMap> for Drawing {
    fn from(map: HeatMap) -> Self {
        Self::HeatMap(map)
    }
}

/// Characters that mean something in HTML and SVG, as text.
fn escape(text: &str) -> String {
    printable_lines(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A line of CSV. A text that a spreadsheet would compute has an apostrophe before it.
fn csv_line(cells: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let is_formula =
        |cell: &str| cell.starts_with(['=', '+', '-', '@']) && cell.len() > 1 && number_of(cell).is_none();
    let quoted = |cell: &str| {
        let cell = printable(cell);
        let apostrophe = if is_formula(&cell) { "'" } else { "" };
        match cell.contains(['"', ',']) {
            true => format!("\"{apostrophe}{}\"", cell.replace('"', "\"\"")),
            false => format!("{apostrophe}{cell}"),
        }
    };
    let cells: Vec<String> = cells.into_iter().map(|cell| quoted(cell.as_ref())).collect();
    cells.join(",") + "\n"
}
