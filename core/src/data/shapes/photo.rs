//! Photograph-like: textured, shaded things in a cluttered place, under one light, slightly out of focus.

use tiny_skia::{Path, Pixmap, PremultipliedColorU8, Transform};

use super::outline::outline;
use super::scene::{Rgb, between, blob, body, chance, colour, curve, fill, pose, stroke};
use crate::random::Keyed;

/// Draws a shaded, textured shape with its shadow over a textured ground with clutter.
pub(super) fn draw(canvas: &mut Pixmap, class: usize, draw: &mut Keyed) {
    let side = canvas.width() as f32;
    let light = between(draw, 0.0, std::f32::consts::TAU);
    let ground = Surface::new(colour(draw, (0.05, 0.6), (0.2, 0.85)), draw);
    let mut photo = Photo::new(canvas.width() as usize, light, &ground);
    for _ in 0..1 + draw.below(4) {
        let clutter = Surface::new(colour(draw, (0.05, 0.7), (0.15, 0.9)), draw);
        let thickness = chance(draw, 0.35).then(|| between(draw, 0.02, 0.06) * side);
        let path = if thickness.is_some() { curve(side, draw) } else { blob(side, (0.08, 0.2), draw) };
        if let Some(path) = path {
            photo.place(coverage(canvas, &path, thickness), &clutter);
        }
    }
    let material = Surface::new(body(draw, class, ground.colour, (0.3, 0.9), (0.25, 0.95)), draw);
    if let Some(path) = outline(class).and_then(|path| path.transform(pose(side, draw))) {
        photo.place(coverage(canvas, &path, None), &material);
    }
    photo.develop(canvas, draw);
}

/// Share of each pixel that the path covers, from 0 to 1: its inside, or a line of that many pixels along it.
fn coverage(canvas: &mut Pixmap, path: &Path, thickness: Option<f32>) -> Vec<f32> {
    canvas.fill(tiny_skia::Color::TRANSPARENT);
    match thickness {
        Some(width) => stroke(canvas, path, [1.0; 3], width),
        None => fill(canvas, path, [1.0; 3], Transform::identity()),
    }
    canvas.pixels().iter().map(|pixel| f32::from(pixel.alpha()) / 255.0).collect()
}

/// What a thing is made of.
struct Surface {
    colour: Rgb,
    /// Colour of the grain.
    grain: Rgb,
    /// Coarsest bumps along the canvas, and how much longer they are one way.
    frequency: (f32, f32),
    seed: u32,
}

impl Surface {
    fn new(colour: Rgb, draw: &mut Keyed) -> Self {
        let shift = between(draw, -0.3, 0.3);
        let frequency = between(draw, 2.0, 10.0);
        Self {
            colour,
            grain: colour.map(|channel| channel + shift + between(draw, -0.12, 0.12)),
            frequency: (frequency, frequency * between(draw, 0.4, 2.5)),
            seed: draw.below(1 << 30) as u32,
        }
    }

    /// Colour at a place on the canvas, `x` and `y` from 0 to 1.
    fn at(&self, x: f32, y: f32) -> Rgb {
        let mut height = 0.0;
        for octave in 0..4 {
            let scale = (1 << octave) as f32;
            height +=
                bumps(x * self.frequency.0 * scale, y * self.frequency.1 * scale, self.seed + octave) / scale;
        }
        // Four octaves add up to at most 1.875.
        let share = (height / 1.875 * 2.0 - 0.5).clamp(0.0, 1.0);
        std::array::from_fn(|channel| {
            self.colour[channel] + share * (self.grain[channel] - self.colour[channel])
        })
    }
}

/// A picture being built, linear values `[side * side]`.
struct Photo {
    side: usize,
    /// Direction that the light comes from.
    light: (f32, f32),
    pixels: Vec<Rgb>,
}

impl Photo {
    fn new(side: usize, light: f32, ground: &Surface) -> Self {
        let mut photo = Self { side, light: (light.cos(), light.sin()), pixels: vec![[0.0; 3]; side * side] };
        photo.shade(|_| 1.0, ground, |_| 1.0);
        photo
    }

    /// Puts a thing down: its shadow on what is there, then itself, brighter where it faces the light.
    fn place(&mut self, cover: Vec<f32>, surface: &Surface) {
        let (width, side) = (self.side, self.side as f32);
        let soft = blurred(&cover, width, 0.035 * side);
        let towards_light =
            |reach: f32| ((self.light.0 * reach).round() as i32, (self.light.1 * reach).round() as i32);
        let (right, down) = towards_light(0.06 * side);
        for at in 0..self.pixels.len() {
            let dim = 1.0 - 0.55 * sample(&soft, width, at, (right, down));
            self.pixels[at] = self.pixels[at].map(|channel| channel * dim);
        }
        // The softened cover is a height; its slope towards the light brightens.
        let (right, down) = towards_light((0.03 * side).max(1.0));
        let slope = |at: usize| {
            1.0 + 0.9 * (sample(&soft, width, at, (-right, -down)) - sample(&soft, width, at, (right, down)))
        };
        self.shade(|at| cover[at], surface, slope);
    }

    fn shade(&mut self, cover: impl Fn(usize) -> f32, surface: &Surface, brightness: impl Fn(usize) -> f32) {
        let side = self.side as f32;
        for at in 0..self.pixels.len() {
            let share = cover(at);
            if share > 0.0 {
                let (x, y) = ((at % self.side) as f32 / side, (at / self.side) as f32 / side);
                let (colour, bright) = (surface.at(x, y), brightness(at));
                for (old, new) in self.pixels[at].iter_mut().zip(colour) {
                    *old += share * (new * bright - *old);
                }
            }
        }
    }

    /// Adds the fall of the light, the lens and the film.
    fn develop(&self, canvas: &mut Pixmap, draw: &mut Keyed) {
        let side = self.side as f32;
        let (fall, noise, focus) =
            (between(draw, 0.0, 0.5), between(draw, 0.0, 0.04), between(draw, 0.0, 0.012));
        let exposure = between(draw, 0.85, 1.15);
        let seed = draw.below(1 << 30) as u32;
        let channels: [Vec<f32>; 3] = std::array::from_fn(|channel| {
            let plane: Vec<f32> = self.pixels.iter().map(|pixel| pixel[channel]).collect();
            blurred(&plane, self.side, focus * side)
        });
        for (at, pixel) in canvas.pixels_mut().iter_mut().enumerate() {
            let (x, y) = ((at % self.side) as f32, (at / self.side) as f32);
            let along = (x / side - 0.5) * self.light.0 + (y / side - 0.5) * self.light.1;
            let [red, green, blue] = std::array::from_fn(|channel| {
                let film = noise * (2.0 * lattice(x as i32, y as i32, seed + channel as u32) - 1.0);
                let value = channels[channel][at] * exposure * (1.0 - fall * along) + film;
                (value.clamp(0.0, 1.0) * 255.0).round() as u8
            });
            // No channel exceeds the full alpha, so the colour is valid.
            if let Some(developed) = PremultipliedColorU8::from_rgba(red, green, blue, 255) {
                *pixel = developed;
            }
        }
    }
}

/// The plane at a pixel moved by whole pixels, or at the nearest edge.
fn sample(plane: &[f32], side: usize, at: usize, (right, down): (i32, i32)) -> f32 {
    let move_by = |from: usize, by: i32| (from as i32 + by).clamp(0, side as i32 - 1) as usize;
    plane[move_by(at / side, down) * side + move_by(at % side, right)]
}

/// The mean of a square that reaches `radius` pixels to each side, taken twice; edges are repeated.
fn blurred(plane: &[f32], side: usize, radius: f32) -> Vec<f32> {
    let once = blurred_along(&blurred_along(plane, side, radius), side, radius);
    blurred_along(&blurred_along(&once, side, radius), side, radius)
}

/// Blurs along rows by a running sum, and swaps rows and columns.
fn blurred_along(plane: &[f32], side: usize, radius: f32) -> Vec<f32> {
    let (reach, rest) = (radius.floor() as isize, radius.fract());
    let mut out = vec![0.0; plane.len()];
    for (y, row) in plane.chunks_exact(side).enumerate() {
        let value = |x: isize| row[x.clamp(0, side as isize - 1) as usize];
        let mut sum: f32 = (-reach..=reach).map(value).sum();
        for x in 0..side as isize {
            let edges = value(x - reach - 1) + value(x + reach + 1);
            out[x as usize * side + y] = (sum + rest * edges) / (2.0 * radius + 1.0);
            sum += value(x + reach + 1) - value(x - reach);
        }
    }
    out
}

/// Smooth noise from 0 to 1 with one random value at each whole coordinate.
fn bumps(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(x - left), ease(y - top));
    let value = |dx: i32, dy: i32| lattice(left as i32 + dx, top as i32 + dy, seed);
    let upper = value(0, 0) + u * (value(1, 0) - value(0, 0));
    let lower = value(0, 1) + u * (value(1, 1) - value(0, 1));
    upper + v * (lower - upper)
}

/// A value from 0 to 1 for a whole coordinate, by integer mixing.
fn lattice(x: i32, y: i32, seed: u32) -> f32 {
    let mut mixed = (x as u32).wrapping_mul(0x9e37_79b1)
        ^ (y as u32).wrapping_mul(0x85eb_ca77)
        ^ seed.wrapping_mul(0xc2b2_ae3d);
    for _ in 0..2 {
        mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x2c1b_3c6d);
    }
    ((mixed ^ (mixed >> 16)) >> 8) as f32 / (1 << 24) as f32
}
