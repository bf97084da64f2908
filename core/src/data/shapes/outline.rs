//! The ten classes as outlines around the origin, about one unit in radius.

use std::f32::consts::{PI, TAU};

use tiny_skia::{Path, PathBuilder};

/// Names of the classes; a label is a position in here.
pub(super) const NAMES: [&str; 10] =
    ["arrow", "circle", "crescent", "cross", "heart", "hexagon", "ring", "square", "star", "triangle"];

/// Typical hue of each class, from red at 0 through yellow at 1, green at 2 and blue at 4 to red at 6.
pub(super) const HUES: [f32; 10] = [3.0, 3.6, 0.6, 1.8, 0.0, 2.4, 4.2, 4.8, 1.2, 5.4];

/// Corners that stand for a full circle.
const CIRCLE_CORNERS: usize = 64;

type Point = (f32, f32);

/// The outline of a class; fill it with the even-odd rule (a ring has a hole).
pub(super) fn outline(class: usize) -> Option<Path> {
    path(&match NAMES[class] {
        "arrow" => vec![arrow()],
        "circle" => vec![regular(CIRCLE_CORNERS, 0.9)],
        "crescent" => vec![crescent()],
        "cross" => vec![cross()],
        "heart" => vec![heart()],
        "hexagon" => vec![regular(6, 0.95)],
        "ring" => vec![regular(CIRCLE_CORNERS, 0.95), regular(CIRCLE_CORNERS, 0.5)],
        "square" => vec![regular(4, 1.1)],
        "star" => vec![star()],
        _ => vec![regular(3, 1.1)],
    })
}

/// Closed contours as one path.
pub(super) fn path(contours: &[Vec<Point>]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for contour in contours {
        for (corner, &(x, y)) in contour.iter().enumerate() {
            if corner == 0 {
                builder.move_to(x, y);
            } else {
                builder.line_to(x, y);
            }
        }
        builder.close();
    }
    builder.finish()
}

fn polar(radius: f32, angle: f32) -> Point {
    (radius * angle.cos(), radius * angle.sin())
}

fn star() -> Vec<Point> {
    (0..10)
        .map(|corner| polar(if corner % 2 == 0 { 1.1 } else { 0.45 }, corner as f32 * PI / 5.0 - PI / 2.0))
        .collect()
}

fn arrow() -> Vec<Point> {
    vec![(1.1, 0.0), (0.2, 0.8), (0.2, 0.3), (-1.0, 0.3), (-1.0, -0.3), (0.2, -0.3), (0.2, -0.8)]
}

fn cross() -> Vec<Point> {
    let arm = [(1.0, -0.33), (1.0, 0.33), (0.33, 0.33)];
    (0..4)
        .flat_map(|quarter| {
            let (sin, cos) = (quarter as f32 * PI / 2.0).sin_cos();
            arm.map(|(x, y)| (x * cos - y * sin, x * sin + y * cos))
        })
        .collect()
}

fn heart() -> Vec<Point> {
    (0..CIRCLE_CORNERS)
        .map(|corner| {
            let t = corner as f32 / CIRCLE_CORNERS as f32 * TAU;
            let y = 13.0 * t.cos() - 5.0 * (2.0 * t).cos() - 2.0 * (3.0 * t).cos() - (4.0 * t).cos();
            (t.sin().powi(3), -y / 16.0)
        })
        .collect()
}

/// Corners on a circle, with a flat side below as far as their number allows.
fn regular(corners: usize, radius: f32) -> Vec<Point> {
    let half_step = PI / corners as f32;
    (0..corners).map(|corner| polar(radius, PI / 2.0 + (2 * corner + 1) as f32 * half_step)).collect()
}

/// The unit disc without a disc of radius 0.8 around (0.5, 0), moved towards its middle.
fn crescent() -> Vec<Point> {
    let (bite_center, bite_radius, shift) = (0.5_f32, 0.8_f32, 0.25);
    let tip_x = (1.0 + bite_center.powi(2) - bite_radius.powi(2)) / (2.0 * bite_center);
    let tip_y = (1.0 - tip_x * tip_x).sqrt();
    let (outer, inner) = (tip_y.atan2(tip_x), tip_y.atan2(tip_x - bite_center));
    let steps = CIRCLE_CORNERS / 2;
    let sweep = |from: f32, step: usize| from + (TAU - 2.0 * from) * step as f32 / steps as f32;
    let back = (0..=steps).map(|step| polar(1.0, sweep(outer, step)));
    let bite = (0..=steps).rev().map(|step| {
        let (x, y) = polar(bite_radius, sweep(inner, step));
        (x + bite_center, y)
    });
    back.chain(bite).map(|(x, y)| (x + shift, y)).collect()
}
