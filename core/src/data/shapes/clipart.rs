//! Clip art: flat colours and a firm outline.

use tiny_skia::{PathBuilder, Pixmap, Rect, Transform};

use super::outline::outline;
use super::scene::{Rgb, between, blob, body, chance, colour, cover, curve, fill, pose, stroke};
use crate::random::Keyed;

/// Draws a flat shape with an outline over a plain or patterned ground and a few loose pieces.
pub(super) fn draw(canvas: &mut Pixmap, class: usize, draw: &mut Keyed) {
    let side = canvas.width() as f32;
    let ground = colour(draw, (0.0, 0.7), (0.55, 1.0));
    cover(canvas, ground);
    pattern(canvas, ground, draw);
    for _ in 0..1 + draw.below(4) {
        piece(canvas, (0.06, 0.16), draw);
    }
    let Some(path) = outline(class).and_then(|path| path.transform(pose(side, draw))) else { return };
    let flat = body(draw, class, ground, (0.4, 1.0), (0.35, 1.0));
    fill(canvas, &path, flat, Transform::identity());
    if chance(draw, 0.75) {
        let ink = flat.map(|channel| channel * between(draw, 0.0, 0.5));
        stroke(canvas, &path, ink, between(draw, 0.02, 0.06) * side);
    }
    if chance(draw, 0.3) {
        piece(canvas, (0.04, 0.08), draw);
    }
}

/// Nothing, stripes, dots or a second field.
fn pattern(canvas: &mut Pixmap, ground: Rgb, draw: &mut Keyed) {
    let side = canvas.width() as f32;
    let second = ground.map(|channel| channel + between(draw, -0.25, 0.15));
    let mut builder = PathBuilder::new();
    let period = between(draw, 0.12, 0.3) * side;
    let steps = (3.0 * side / period) as usize;
    match draw.below(4) {
        0 => return,
        1 => {
            for step in 0..steps {
                let stripe = Rect::from_xywh(step as f32 * period - side, -side, period / 2.0, 3.0 * side);
                stripe.into_iter().for_each(|rect| builder.push_rect(rect));
            }
        }
        2 => {
            for step in 0..steps * steps {
                let (x, y) = ((step % steps) as f32 * period, (step / steps) as f32 * period);
                builder.push_circle(x - side, y - side, period / 5.0);
            }
        }
        _ => {
            let field = Rect::from_xywh(-side, between(draw, 0.2, 0.8) * side, 3.0 * side, 3.0 * side);
            field.into_iter().for_each(|rect| builder.push_rect(rect));
        }
    }
    let turn = Transform::from_rotate_at(between(draw, 0.0, 360.0), side / 2.0, side / 2.0);
    if let Some(path) = builder.finish() {
        fill(canvas, &path, second, turn);
    }
}

fn piece(canvas: &mut Pixmap, radius: (f32, f32), draw: &mut Keyed) {
    let side = canvas.width() as f32;
    let paint = colour(draw, (0.2, 1.0), (0.2, 1.0));
    if chance(draw, 0.3) {
        if let Some(path) = curve(side, draw) {
            stroke(canvas, &path, paint, between(draw, 0.02, 0.06) * side);
        }
    } else if let Some(path) = blob(side, radius, draw) {
        fill(canvas, &path, paint, Transform::identity());
    }
}
