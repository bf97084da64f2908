//! How every figure looks: ink, font, sizes, and what tells one series from the next, with or without colour. The pages and
//! the desktop program take theirs from here.

use std::fmt;

/// Red, green and blue; displayed as SVG and CSS write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Colour {
    const fn grey(level: u8) -> Self {
        Self([level; 3])
    }

    /// Relative luminance, 0 to 1 (ITU-R BT.709, gamma taken as 2.2).
    pub(super) fn luminance(self) -> f64 {
        let linear = |channel: u8| (f64::from(channel) / 255.0).powf(2.2);
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Black or white, whichever reads better on this colour.
    pub(super) fn ink_on(self) -> Self {
        if self.luminance() > 0.3 { Self::grey(0) } else { PAPER }
    }
}

/// Text, error bars and edges of bars.
pub(super) const INK: Colour = Colour::grey(0x1a);
/// Frames, small marks and captions.
pub(super) const PALE_INK: Colour = Colour::grey(0x55);
/// The stroke through a cell without a value.
pub(super) const CROSSED: Colour = Colour::grey(0xbb);
/// Lines of the grid, and between the rows of a table.
pub(super) const GRID: Colour = Colour::grey(0xe2);
/// What commands stand on.
pub(super) const SHADE: Colour = Colour::grey(0xf6);
/// What everything stands on.
pub(super) const PAPER: Colour = Colour::grey(0xff);

/// The fonts, the first that there is; a PNG is drawn with the first, which ships with the program.
pub(super) const FONTS: &str = "Roboto, Helvetica, Arial, sans-serif";
/// The first of them.
pub(super) const FONT: &str = "Roboto";
/// Height of the text of a page, pixels at 96 dpi as all lengths here.
pub(super) const TEXT: f64 = 16.0;
/// Height of titles of axes and figures.
pub(super) const LARGE: f64 = 14.0;
/// Height of labels of ticks, and of entries of a legend.
pub(super) const SMALL: f64 = 12.5;
/// Height of what stands below a picture of a contact sheet.
pub(super) const FINE: f64 = 11.0;
/// Height of the numbers in the cells of a heat map.
pub(super) const TINY: f64 = 9.5;

/// Space around a figure.
pub(super) const MARGIN: f64 = 12.0;
/// Space between a plot and its labels.
pub(super) const GAP: f64 = 7.0;

/// Width of the line of a series.
pub const LINE_WIDTH: f32 = 2.0;
/// Width of an error bar.
pub const ERROR_WIDTH: f32 = 1.2;
/// Opacity of the band around a line.
pub const BAND_OPACITY: f32 = 0.18;
/// Share of its slot that a group of bars takes.
pub const BAR_GROUP: f64 = 0.8;

/// The palette of Okabe and Ito (2008), dark ones first.
const COLOURS: [Colour; 7] = [
    Colour([0x00, 0x72, 0xb2]),
    Colour([0xd5, 0x5e, 0x00]),
    Colour([0x00, 0x9e, 0x73]),
    Colour([0xcc, 0x79, 0xa7]),
    Colour([0x56, 0xb4, 0xe9]),
    Colour([0xe6, 0x9f, 0x00]),
    Colour([0x00, 0x00, 0x00]),
];
/// Series that differ in colour.
pub(super) const DISTINCT: usize = COLOURS.len();
/// Lengths of a dash and of the gap after it; the first is a whole line.
const DASHES: [Option<(f32, f32)>; 4] = [None, Some((8.0, 4.0)), Some((3.0, 3.0)), Some((14.0, 4.0))];
/// Marks, the first for the first series.
const MARKS: [Mark; 4] = [Mark::Disc, Mark::Square, Mark::Triangle, Mark::Diamond];
/// White lines over a bar's colour, in a tile of 6 by 6 pixels; the first is plain.
const HATCHES: [&str; 7] = [
    "",
    "M-1 1L1 -1M0 6L6 0M5 7L7 5",
    "M-1 5L1 7M0 0L6 6M5 -1L7 1",
    "M0 3H6",
    "M3 0V6",
    "M0 0L6 6M0 6L6 0",
    "M0 3H6M3 0V6",
];

/// The shape of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A disc.
    Disc,
    /// A square.
    Square,
    /// A triangle that points up.
    Triangle,
    /// A square on its corner.
    Diamond,
}

/// What a series looks like in any figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeriesStyle {
    /// Of its line, marks and bars.
    pub colour: Colour,
    /// Lengths of a dash and of the gap after it; none for a whole line.
    pub dash: Option<(f32, f32)>,
    /// The marks of its points.
    pub mark: Mark,
    /// Whether its marks are filled.
    pub is_filled: bool,
    /// White lines over its bars, as an SVG path in a tile of 6 by 6 pixels.
    pub(super) hatch: &'static str,
}

/// The look of a series by its number; seven differ in colour, 28 in colour and dash.
pub fn series_style(number: usize) -> SeriesStyle {
    let colour = number % DISTINCT;
    SeriesStyle {
        colour: COLOURS[colour],
        dash: DASHES[number % DASHES.len()],
        mark: MARKS[colour % MARKS.len()],
        is_filled: colour < MARKS.len(),
        hatch: HATCHES[colour],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_written_as_svg_and_css_read_them() {
        let colours =
            [series_style(0).colour, series_style(7).colour, PAPER].map(|colour| colour.to_string());
        assert_eq!(colours, ["#0072b2", "#0072b2", "#ffffff"]);
    }

    #[test]
    fn series_differ() {
        let look = |number| {
            let SeriesStyle { colour, dash, .. } = series_style(number);
            (colour.to_string(), format!("{dash:?}"))
        };
        let looks: std::collections::BTreeSet<_> = (0..28).map(look).collect();
        assert_eq!(looks.len(), 28);
        let bars: std::collections::BTreeSet<_> = (0..7).map(|number| series_style(number).hatch).collect();
        assert_eq!(bars.len(), 7);
    }

    #[test]
    fn numbers_read_on_any_colour() {
        assert_eq!([COLOURS[6].ink_on(), PAPER.ink_on()], [PAPER, COLOURS[6]]);
    }
}
