//! What the styles share: where a shape goes, colours that differ, and things that only distract.

use std::f32::consts::TAU;

use tiny_skia::{Color, FillRule, Paint, Path, PathBuilder, Pixmap, Stroke, Transform};

use super::outline;
use crate::random::Keyed;

/// Red, green, blue, each from 0 to 1.
pub(super) type Rgb = [f32; 3];

/// A number from `low` to `high`.
pub(super) fn between(draw: &mut Keyed, low: f32, high: f32) -> f32 {
    draw.range(f64::from(low), f64::from(high)) as f32
}

/// True with this probability.
pub(super) fn chance(draw: &mut Keyed, probability: f64) -> bool {
    draw.uniform() < probability
}

/// Any place, size and rotation that keeps most of the shape on the canvas, with a little squash.
pub(super) fn pose(side: f32, draw: &mut Keyed) -> Transform {
    let radius = between(draw, 0.2, 0.38);
    let margin = 0.85 * radius;
    let (x, y) = (between(draw, margin, 1.0 - margin), between(draw, margin, 1.0 - margin));
    let squash = between(draw, 0.8, 1.25).sqrt();
    Transform::from_rotate(between(draw, 0.0, 360.0))
        .post_scale(radius * squash * side, radius / squash * side)
        .post_rotate(between(draw, 0.0, 360.0))
        .post_translate(x * side, y * side)
}

/// A colour of this saturation and value, any hue.
pub(super) fn colour(draw: &mut Keyed, saturation: (f32, f32), value: (f32, f32)) -> Rgb {
    let hue = between(draw, 0.0, 6.0);
    let saturation = between(draw, saturation.0, saturation.1);
    let value = between(draw, value.0, value.1);
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + hue) % 6.0;
        value * (1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0))
    })
}

/// A colour that stands out against `other`, the best of eight.
pub(super) fn contrast(draw: &mut Keyed, other: Rgb, saturation: (f32, f32), value: (f32, f32)) -> Rgb {
    let distance = |colour: Rgb| -> f32 { colour.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum() };
    let mut best = colour(draw, saturation, value);
    for _ in 0..7 {
        let next = colour(draw, saturation, value);
        if distance(best) < 0.25 && distance(next) > distance(best) {
            best = next;
        }
    }
    best
}

/// An irregular closed outline on the canvas, `radius` as a fraction of its side; no class looks like it.
pub(super) fn blob(side: f32, radius: (f32, f32), draw: &mut Keyed) -> Option<Path> {
    let size = between(draw, radius.0, radius.1) * side;
    let center = (between(draw, 0.0, side), between(draw, 0.0, side));
    let corners = 5 + draw.below(4);
    let points = (0..corners).map(|corner| {
        let angle = (corner as f32 + between(draw, -0.3, 0.3)) / corners as f32 * TAU;
        let reach = size * between(draw, 0.35, 1.2);
        (center.0 + reach * angle.cos(), center.1 + reach * angle.sin())
    });
    outline::path(&[points.collect()])
}

/// A bent line between two places on the canvas.
pub(super) fn curve(side: f32, draw: &mut Keyed) -> Option<Path> {
    let mut place = || between(draw, -0.1, 1.1) * side;
    let mut builder = PathBuilder::new();
    builder.move_to(place(), place());
    builder.quad_to(place(), place(), place(), place());
    builder.finish()
}

/// Fills the even-odd inside of a path.
pub(super) fn fill(canvas: &mut Pixmap, path: &Path, colour: Rgb, place: Transform) {
    canvas.fill_path(path, &paint(colour), FillRule::EvenOdd, place, None);
}

/// Draws along a path that is already on the canvas; `width` in pixels.
pub(super) fn stroke(canvas: &mut Pixmap, path: &Path, colour: Rgb, width: f32) {
    let stroke = Stroke {
        width,
        line_cap: tiny_skia::LineCap::Round,
        line_join: tiny_skia::LineJoin::Round,
        ..Stroke::default()
    };
    canvas.stroke_path(path, &paint(colour), &stroke, Transform::identity(), None);
}

/// Covers the canvas with one colour.
pub(super) fn cover(canvas: &mut Pixmap, colour: Rgb) {
    canvas.fill(opaque(colour));
}

fn paint(colour: Rgb) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(opaque(colour));
    paint
}

fn opaque(colour: Rgb) -> Color {
    let [red, green, blue] = colour.map(|channel| (channel.clamp(0.0, 1.0) * 255.0).round() as u8);
    Color::from_rgba8(red, green, blue, 255)
}
