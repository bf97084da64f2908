//! An SVG document in the making, in pixels at 96 dpi from the upper left corner.

use std::fmt::Write as _;

use super::escape;
use super::style::{Colour, FONTS, INK, PAPER};

/// Right and down of the upper left corner.
pub(super) type Place = (f64, f64);

/// Shapes so far; later ones lie above earlier ones.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    body: String,
}

/// Which part of a text stands at its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Font {
    pub size: f64,
    pub anchor: Anchor,
    /// Degrees, clockwise.
    pub turn: f64,
    pub colour: Colour,
}

impl Font {
    pub const fn new(size: f64, anchor: Anchor) -> Self {
        Self { size, anchor, turn: 0.0, colour: INK }
    }
}

impl Canvas {
    /// Adds what is SVG already.
    pub fn add(&mut self, svg: &str) {
        self.body.push_str(svg);
        self.body.push('\n');
    }

    pub fn line(&mut self, from: Place, to: Place, style: &str) {
        self.path(&[from, to], style);
    }

    /// A line through all places; `style` holds its attributes.
    pub fn path(&mut self, places: &[Place], style: &str) {
        self.add(&format!("<polyline points=\"{}\" fill=\"none\" {style}/>", points(places)));
    }

    pub fn polygon(&mut self, places: &[Place], style: &str) {
        self.add(&format!("<polygon points=\"{}\" {style}/>", points(places)));
    }

    pub fn circle(&mut self, (x, y): Place, radius: f64, style: &str) {
        self.add(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" {style}/>"));
    }

    /// A rectangle by its upper left corner and its size.
    pub fn rect(&mut self, (x, y): Place, (width, height): Place, style: &str) {
        self.add(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" {style}/>"
        ));
    }

    /// A text whose middle line runs through the place.
    pub fn text(&mut self, (x, y): Place, font: Font, text: &str) {
        let anchor = match font.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let turn = match font.turn {
            0.0 => String::new(),
            turn => format!(" transform=\"rotate({turn} {x:.1} {y:.1})\""),
        };
        let baseline = y + 0.35 * font.size;
        let (size, colour, text) = (font.size, font.colour, escape(text));
        self.add(&format!(
            "<text x=\"{x:.1}\" y=\"{baseline:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" fill=\"{colour}\"{turn}>{text}</text>"
        ));
    }

    /// The document; `label` says what it shows to those who cannot see it.
    pub fn finish(self, (width, height): Place, label: &str) -> String {
        let (width, height, label) = (width.ceil(), height.ceil(), escape(label));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-label=\"{label}\" font-family=\"{FONTS}\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// About how wide a text is; letters of the fonts in question are half as wide as high.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    0.54 * size * text.chars().count() as f64
}

fn points(places: &[Place]) -> String {
    let mut text = String::new();
    for (x, y) in places {
        // Writing to a String cannot fail.
        write!(text, "{x:.1},{y:.1} ").ok();
    }
    text.truncate(text.trim_end().len());
    text
}
