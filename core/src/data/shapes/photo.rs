//! Photograph-like: textured, shaded things in a cluttered place, under one light, slightly out of focus.

use tiny_skia::{Path, Pixmap, PremultipliedColorU8, Transform};

use super::outline::outline;
use super::scene::{Rgb, between, blob, chance, colour, contrast, curve, fill, pose, stroke};
use crate::random::Keyed;

/// Draws a shaded, textured shape with its shadow over a textured ground with clutter.
pub(super) fn draw(canvas: &mut Pixmap, class: usize, draw: &mut Keyed) {
    let side = canvas.width() as f32;
    let light = between(draw, 0.0, std::f32::consts::TAU);
    let ground = Surface::new(colour(draw, (0.05, 0.6), (0.2, 0.85)), draw);
    let mut photo = Photo::new(canvas.width() as usize, light, &ground);
    for _ in 0..2 + draw.below(4) {
        let clutter = Surface::new(colour(draw, (0.05, 0.7), (0.15, 0.9)), draw);
        let thickness = chance(draw, 0.35).then(|| between(draw, 0.02, 0.06) * side);
        let path = if thickness.is_some() { curve(side, draw) } else { blob(side, (0.08, 0.25), draw) };
        if let Some(path) = path {
            photo.place(coverage(canvas, &path, thickness), &clutter);
        }
    }
    let body = Surface::new(contrast(draw, ground.colour, (0.1, 0.9), (0.15, 0.95)), draw);
    if let Some(path) = outline(class).and_then(|path| path.transform(pose(side, draw))) {
        photo.place(coverage(canvas, &path, None), &body);
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
        let soft = blurred(&blurred(&cover, self.side, 0.05 * side), self.side, 0.05 * side);
        let reach = 0.06 * side;
        let light = self.light;
        let shadow = |at: usize| sample(&soft, width, at, (light.0 * reach, light.1 * reach));
        for at in 0..self.pixels.len() {
            let dim = 1.0 - 0.55 * shadow(at);
            self.pixels[at] = self.pixels[at].map(|channel| channel * dim);
        }
        // The softened cover is a height; its slope towards the light brightens.
        let slope = |at: usize| {
            let step = 0.03 * side;
            let near = sample(&soft, width, at, (light.0 * step, light.1 * step));
            let far = sample(&soft, width, at, (-light.0 * step, -light.1 * step));
            1.0 + 0.9 * (far - near)
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

/// The plane at a pixel moved by `offset`, or at the nearest edge.
fn sample(plane: &[f32], side: usize, at: usize, offset: (f32, f32)) -> f32 {
    let limit = (side - 1) as f32;
    let x = ((at % side) as f32 + offset.0).round().clamp(0.0, limit) as usize;
    let y = ((at / side) as f32 + offset.1).round().clamp(0.0, limit) as usize;
    plane[y * side + x]
}

/// Blurs by a triangle of this radius in pixels along both axes, edges repeated.
fn blurred(plane: &[f32], side: usize, radius: f32) -> Vec<f32> {
    let reach = radius.ceil() as i32;
    let weights: Vec<f32> =
        (-reach..=reach).map(|step| (1.0 - step.abs() as f32 / (radius + 1.0)).max(0.0)).collect();
    let total: f32 = weights.iter().sum();
    let along = |plane: &[f32], (step_x, step_y): (f32, f32)| -> Vec<f32> {
        let value = |at: usize| -> f32 {
            let terms = weights.iter().zip(-reach..=reach).map(|(weight, step)| {
                weight * sample(plane, side, at, (step as f32 * step_x, step as f32 * step_y))
            });
            terms.sum::<f32>() / total
        };
        (0..plane.len()).map(value).collect()
    };
    along(&along(plane, (1.0, 0.0)), (0.0, 1.0))
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
