//! What panels are made of: the library's figures drawn to be touched, tables, choices of checkpoints.

pub mod bars;
pub mod chart;
pub mod export;
pub mod form;
pub mod heat_map;
pub mod images;
pub mod job;
pub mod picker;
pub mod picture;
pub mod results;
pub mod source;
pub mod table;

use basin_core::figure::style::{Colour, series_style};
use egui::{Color32, RichText, Ui};

/// The colour of a series in figures; black, which a dark window hides, becomes the colour of text.
pub fn colour(ui: &Ui, number: usize) -> Color32 {
    match series_style(number).colour {
        Colour([0, 0, 0]) => ui.visuals().strong_text_color(),
        colour => color32(colour),
    }
}

/// A colour of figures as the window paints it.
pub fn color32(Colour([red, green, blue]): Colour) -> Color32 {
    Color32::from_rgb(red, green, blue)
}

/// A sentence about what went wrong, where the user looks.
pub fn problem(ui: &mut Ui, sentence: &str) {
    ui.label(RichText::new(format!("⚠ {sentence}")).color(ui.visuals().error_fg_color));
}

/// A sentence about what can be done here.
pub fn hint(ui: &mut Ui, sentence: &str) {
    ui.label(RichText::new(sentence).weak());
}
