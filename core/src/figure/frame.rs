//! The rectangle that data is drawn in, with what stands around it.

use super::axis::Tick;
use super::canvas::{Anchor, Canvas, Font, Place, text_width};
use super::style::{GAP, GRID, LARGE, MARGIN, PALE_INK, SMALL};

/// Height of the title below or beside labels, with space.
const TITLE: f64 = 26.0;

/// The rectangle, pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Frame {
    /// The place at shares of the way right and up.
    pub fn at(&self, right: f64, up: f64) -> Place {
        (self.left + right * self.width, self.top + (1.0 - up) * self.height)
    }

    /// Below the frame's lower edge.
    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Right of the frame's right edge.
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    pub fn border(&self, canvas: &mut Canvas) {
        let border = format!("fill=\"none\" stroke=\"{PALE_INK}\" stroke-width=\"1\"");
        canvas.rect((self.left, self.top), (self.width, self.height), &border);
    }

    /// Lines and labels of a horizontal axis of numbers, and its title; returns how far down it reaches.
    pub fn x_axis(&self, canvas: &mut Canvas, ticks: &[Tick], title: &str) -> f64 {
        for (share, label) in ticks {
            let (low, high) = (self.at(*share, 0.0), self.at(*share, 1.0));
            grid_line(canvas, low, high);
            canvas.text((low.0, low.1 + GAP + SMALL / 2.0), Font::new(SMALL, Anchor::Middle), label);
        }
        self.x_title(canvas, GAP + SMALL, title)
    }

    /// Labels of a horizontal axis of categories, slanted where they would overlap and left out where even that is too
    /// dense, and its title; returns how far down it reaches.
    pub fn x_categories(&self, canvas: &mut Canvas, labels: &[String], title: &str) -> f64 {
        let slot = self.width / labels.len().max(1) as f64;
        let longest = labels.iter().map(|label| text_width(label, SMALL)).fold(0.0, f64::max);
        let slanted = longest > slot - 4.0;
        let every = (1.1 * SMALL / slot).ceil().max(1.0) as usize;
        for (number, label) in labels.iter().enumerate().step_by(every) {
            let x = self.left + (number as f64 + 0.5) * slot;
            let (down, font) = match slanted {
                true => (GAP, Font { turn: -45.0, ..Font::new(SMALL, Anchor::End) }),
                false => (GAP + SMALL / 2.0, Font::new(SMALL, Anchor::Middle)),
            };
            canvas.text((x + if slanted { 3.0 } else { 0.0 }, self.bottom() + down), font, label);
        }
        let room = if slanted { GAP + 0.68 * longest } else { GAP + SMALL };
        self.x_title(canvas, room, title)
    }

    /// Lines and labels of a vertical axis of numbers, and its title.
    pub fn y_axis(&self, canvas: &mut Canvas, ticks: &[Tick], title: &str) {
        for (share, label) in ticks {
            let (left, right) = (self.at(0.0, *share), self.at(1.0, *share));
            grid_line(canvas, left, right);
            canvas.text((left.0 - GAP, left.1), Font::new(SMALL, Anchor::End), label);
        }
        self.y_title(canvas, ticks.iter().map(|(_, label)| label.as_str()), title);
    }

    /// Labels of a vertical axis of categories from top to bottom, left out where they are too dense, and its title.
    pub fn y_categories(&self, canvas: &mut Canvas, labels: &[String], title: &str) {
        let slot = self.height / labels.len().max(1) as f64;
        let every = (1.1 * SMALL / slot).ceil().max(1.0) as usize;
        for (number, label) in labels.iter().enumerate().step_by(every) {
            let y = self.top + (number as f64 + 0.5) * slot;
            canvas.text((self.left - GAP, y), Font::new(SMALL, Anchor::End), label);
        }
        self.y_title(canvas, labels.iter().map(String::as_str), title);
    }

    fn x_title(&self, canvas: &mut Canvas, room: f64, title: &str) -> f64 {
        let (x, y) = (self.left + self.width / 2.0, self.bottom() + room + TITLE / 2.0);
        canvas.text((x, y), Font::new(LARGE, Anchor::Middle), title);
        self.bottom() + room + TITLE
    }

    fn y_title<'a>(&self, canvas: &mut Canvas, labels: impl Iterator<Item = &'a str>, title: &str) {
        let place = (self.left - room_left(labels) + MARGIN + LARGE / 2.0, self.top + self.height / 2.0);
        canvas.text(place, Font { turn: -90.0, ..Font::new(LARGE, Anchor::Middle) }, title);
    }
}

fn grid_line(canvas: &mut Canvas, from: Place, to: Place) {
    canvas.line(from, to, &format!("stroke=\"{GRID}\" stroke-width=\"1\""));
}

/// What a vertical axis with these labels needs left of the frame.
pub(super) fn room_left<'a>(labels: impl Iterator<Item = &'a str>) -> f64 {
    MARGIN + TITLE + GAP + labels.map(|label| text_width(label, SMALL)).fold(0.0, f64::max)
}
