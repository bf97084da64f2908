//! A heat map of the library, drawn as one texture, with values on hover.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use basin_core::figure::{HeatMap, map_colour};
use basin_core::number::general;
use egui::epaint::TextShape;
use egui::{
    Align2, Color32, ColorImage, FontId, Pos2, Rect, Sense, TextureHandle, TextureOptions, Ui, Vec2, pos2,
    vec2,
};

use super::color32;
use super::export::export_button;
use crate::context::Cx;

/// Smallest and largest side of a cell, points.
const CELL: (f32, f32) = (4.0, 36.0);
/// Smallest side at which every row and column is labelled, points.
const LABELLED: f32 = 10.0;
/// Height of labels, points.
const LABEL: f32 = 11.0;
/// Room for the labels of rows and columns, points.
const LABELS: f32 = 110.0;
/// Width of the colour bar, and room for its labels, points.
const BAR: (f32, f32) = (14.0, 70.0);

/// Draws a heat map below its export button, and returns row and column of a cell that was clicked.
pub fn heat_map(ui: &mut Ui, cx: &mut Cx, name: &str, map: &HeatMap) -> Option<(usize, usize)> {
    export_button(ui, cx, name, map);
    let (rows, columns) = (map.rows.len(), map.columns.len());
    if rows == 0 || columns == 0 {
        return None;
    }
    if !map.title.is_empty() {
        ui.strong(&map.title);
    }
    let room = ui.available_width() - LABELS - BAR.0 - BAR.1;
    let cell = (room / columns as f32).clamp(CELL.0, CELL.1);
    let size = vec2(cell * columns as f32, cell * rows as f32);
    let (place, _) = ui.allocate_exact_size(size + vec2(LABELS + BAR.0 + BAR.1, LABELS), Sense::hover());
    let matrix = Rect::from_min_size(place.min + vec2(LABELS, 0.0), size);
    let response = ui.interact(matrix, ui.scope_id().with(("heat map", name)), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name));

    let (low, high) = range(map);
    let whole = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
    let texture = texture(ui, name, map, (low, high));
    ui.painter().image(texture.id(), matrix, whole, Color32::WHITE);
    labels(ui, map, matrix, cell);
    colour_bar(ui, map, matrix, (low, high));

    let at = response.hover_pos()?;
    let [row, column] =
        [(at.y - matrix.top()) / cell, (at.x - matrix.left()) / cell].map(|place| place as usize);
    let (row, column) = (row.min(rows - 1), column.min(columns - 1));
    let value = map.values.get(row).and_then(|values| values.get(column)).copied().unwrap_or(f64::NAN);
    let value = if value.is_nan() { "no value".to_owned() } else { general(value) };
    let text =
        format!("{}: {}\n{}: {}\n{}: {value}", map.y, map.rows[row], map.x, map.columns[column], map.unit);
    let clicked = response.clicked();
    response.on_hover_text_at_pointer(text);
    clicked.then_some((row, column))
}

/// Values of the darkest and the lightest colour.
fn range(map: &HeatMap) -> (f64, f64) {
    map.range.unwrap_or_else(|| {
        let values = map.values.iter().flatten().copied().filter(|value| value.is_finite());
        values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    })
}

/// The matrix with one pixel a cell; it is uploaded again only when the values change.
fn texture(ui: &Ui, name: &str, map: &HeatMap, (low, high): (f64, f64)) -> TextureHandle {
    let mut hasher = DefaultHasher::new();
    map.values.iter().flatten().for_each(|value| value.to_bits().hash(&mut hasher));
    (map.columns.len(), low.to_bits(), high.to_bits()).hash(&mut hasher);
    let (digest, id) = (hasher.finish(), ui.scope_id().with(("texture", name)));
    let known = ui.data(|data| data.get_temp::<(u64, TextureHandle)>(id));
    if let Some((_, texture)) = known.filter(|(of, _)| *of == digest) {
        return texture;
    }
    let pixel = |value: &f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        if value.is_finite() { color32(map_colour(share)) } else { Color32::TRANSPARENT }
    };
    let pixels = map.values.iter().flatten().map(pixel).collect();
    let image = ColorImage::new([map.columns.len(), map.rows.len()], pixels);
    let texture = ui.ctx().load_texture(name, image, TextureOptions::NEAREST);
    ui.data_mut(|data| data.insert_temp(id, (digest, texture.clone())));
    texture
}

fn labels(ui: &Ui, map: &HeatMap, matrix: Rect, cell: f32) {
    let (font, colour) = (FontId::proportional(LABEL), ui.visuals().text_color());
    let every = (LABELLED / cell).ceil().max(1.0) as usize;
    for (row, label) in map.rows.iter().enumerate().step_by(every) {
        let at = pos2(matrix.left() - 4.0, matrix.top() + (row as f32 + 0.5) * cell);
        ui.painter().text(at, Align2::RIGHT_CENTER, label, font.clone(), colour);
    }
    for (column, label) in map.columns.iter().enumerate().step_by(every) {
        let galley = ui.painter().layout_no_wrap(label.clone(), font.clone(), colour);
        // Read from below: the label ends at its column.
        let at =
            pos2(matrix.left() + (column as f32 + 0.5) * cell - galley.size().y / 2.0, matrix.bottom() + 4.0);
        let at = at + Vec2::new(0.0, galley.size().x);
        let text = TextShape::new(at, galley, colour).with_angle(-std::f32::consts::FRAC_PI_2);
        ui.painter().add(text);
    }
}

fn colour_bar(ui: &Ui, map: &HeatMap, matrix: Rect, (low, high): (f64, f64)) {
    let height = matrix.height().clamp(60.0, 220.0);
    let bar = Rect::from_min_size(pos2(matrix.right() + BAR.0, matrix.top()), vec2(BAR.0, height));
    let steps = 32;
    for step in 0..steps {
        let colour = color32(map_colour(1.0 - (f64::from(step) + 0.5) / f64::from(steps)));
        let part = Rect::from_min_size(
            bar.min + vec2(0.0, height * step as f32 / steps as f32),
            vec2(BAR.0, height / steps as f32 + 0.5),
        );
        ui.painter().rect_filled(part, 0.0, colour);
    }
    let (font, colour) = (FontId::proportional(LABEL), ui.visuals().text_color());
    for (value, y, align) in [(high, bar.top(), Align2::LEFT_TOP), (low, bar.bottom(), Align2::LEFT_BOTTOM)] {
        ui.painter().text(pos2(bar.right() + 4.0, y), align, general(value), font.clone(), colour);
    }
    ui.painter().text(bar.left_bottom() + vec2(0.0, 6.0), Align2::LEFT_TOP, &map.unit, font, colour);
}
