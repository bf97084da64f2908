//! What the styles share: where a shape goes, colours that differ, and things that only distract.

use std::f32::consts::TAU;

use tiny_skia::{Color, FillRule, Paint, Path, PathBuilder, Pixmap, Stroke, Transform};

use super::outline;
use crate::random::Keyed;

/// Red, green, blue, each from 0 to 1.
pub(super) type Rgb = [f32; 3];

/// Share of the shapes that have their class's hue; the rest have any, so that colour alone does not tell the class.
const TYPICAL: f64 = 0.55;

/// A number from `low` to `high`.
pub(super) fn between(draw: &mut Keyed, low: f32, high: f32) -> f32 {
    draw.range(f64::from(low), f64::from(high)) as f32
}

/// True with this probability.
pub(super) fn chance(draw: &mut Keyed, probability: f64) -> bool {
    draw.uniform() < probability
}

/// Near the middle and near upright, of any moderate size, with a little squash.
pub(super) fn pose(side: f32, draw: &mut Keyed) -> Transform {
    let radius = between(draw, 0.27, 0.44);
    let (x, y) = (between(draw, 0.38, 0.62), between(draw, 0.38, 0.62));
    let (tilt, axis) = (between(draw, -30.0, 30.0), between(draw, 0.0, 360.0));
    let squash = between(draw, 0.8, 1.25).sqrt();
    Transform::from_rotate(tilt - axis)
        .post_scale(radius * squash * side, radius / squash * side)
        .post_rotate(axis)
        .post_translate(x * side, y * side)
}

/// A colour of any hue; saturation and value lie in these ranges.
pub(super) fn colour(draw: &mut Keyed, saturation: (f32, f32), value: (f32, f32)) -> Rgb {
    let hue = between(draw, 0.0, 6.0);
    tone(draw, hue, saturation, value)
}

/// A colour for a shape of a class that stands out against `other`, the best of eight. More often than not it has
/// the hue of its class, as hearts tend to be red: a cue that holds in photographs and clip art alike.
pub(super) fn body(
    draw: &mut Keyed,
    class: usize,
    other: Rgb,
    saturation: (f32, f32),
    value: (f32, f32),
) -> Rgb {
    let hue = if chance(draw, TYPICAL) {
        outline::HUES[class] + between(draw, -0.3, 0.3)
    } else {
        between(draw, 0.0, 6.0)
    };
    let distance = |colour: Rgb| -> f32 { colour.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum() };
    let mut best = tone(draw, hue, saturation, value);
    for _ in 0..7 {
        let next = tone(draw, hue, saturation, value);
        if distance(best) < 0.25 && distance(next) > distance(best) {
            best = next;
        }
    }
    best
}

/// Hue from 0 to 6, red at 0 and 6.
fn tone(draw: &mut Keyed, hue: f32, saturation: (f32, f32), value: (f32, f32)) -> Rgb {
    let saturation = between(draw, saturation.0, saturation.1);
    let value = between(draw, value.0, value.1);
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + hue).rem_euclid(6.0);
        value * (1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0))
    })
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
