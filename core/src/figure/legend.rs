//! Legends: rows above the plot, where they hide nothing.

use super::canvas::{Anchor, Canvas, Font, Place, text_width};
use super::style::{GAP, SMALL};

/// Height of a row.
const ROW: f64 = 20.0;
/// Width of the sample of a line or of a bar.
pub(super) const SAMPLE: f64 = 28.0;

/// Writes the labels of series into rows from a corner on, each after a sample whose middle left end is handed to `sample`;
/// returns the height used. A single series needs no legend.
pub(super) fn legend(
    canvas: &mut Canvas,
    labels: &[&str],
    (left, top): Place,
    width: f64,
    sample: impl Fn(&mut Canvas, usize, Place),
) -> f64 {
    if labels.len() < 2 {
        return 0.0;
    }
    let (mut x, mut y) = (left, top + ROW / 2.0);
    for (number, label) in labels.iter().enumerate() {
        let entry = SAMPLE + GAP + text_width(label, SMALL);
        if x > left && x + entry > left + width {
            (x, y) = (left, y + ROW);
        }
        sample(canvas, number, (x, y));
        canvas.text((x + SAMPLE + GAP, y), Font::new(SMALL, Anchor::Start), label);
        x += entry + 2.0 * GAP;
    }
    y + ROW / 2.0 + 6.0 - top
}
