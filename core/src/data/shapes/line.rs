//! Line drawings: a pencil on nearly white paper.

use tiny_skia::Pixmap;

use super::outline::outline;
use super::scene::{Rgb, between, blob, chance, cover, curve, pose, stroke};
use crate::random::Keyed;

/// Draws a thin outline, sometimes twice as a hurried hand would, among stray lines.
pub(super) fn draw(canvas: &mut Pixmap, class: usize, draw: &mut Keyed) {
    let side = canvas.width() as f32;
    cover(canvas, [0, 1, 2].map(|_| between(draw, 0.93, 1.0)));
    for _ in 0..1 + draw.below(4) {
        let stray = if chance(draw, 0.5) { curve(side, draw) } else { blob(side, (0.05, 0.14), draw) };
        let ink = pencil(draw, (0.25, 0.7));
        if let Some(path) = stray {
            stroke(canvas, &path, ink, between(draw, 0.012, 0.03) * side);
        }
    }
    let place = pose(side, draw);
    let width = between(draw, 0.02, 0.045) * side;
    let ink = pencil(draw, (0.0, 0.35));
    for _ in 0..1 + draw.below(2) {
        let (slip_x, slip_y) = (between(draw, -0.02, 0.02) * side, between(draw, -0.02, 0.02) * side);
        let place = place.post_translate(slip_x, slip_y);
        if let Some(path) = outline(class).and_then(|path| path.transform(place)) {
            stroke(canvas, &path, ink, width);
        }
    }
}

/// A dark tone, nearly grey.
fn pencil(draw: &mut Keyed, value: (f32, f32)) -> Rgb {
    let tone = between(draw, value.0, value.1);
    [0, 1, 2].map(|_| tone + between(draw, -0.05, 0.05))
}
