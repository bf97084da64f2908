//! What panels are made of: interactive views of the library's figures and tables, forms, choices of checkpoints.

pub mod bars;
pub mod chart;
pub mod drawing;
pub mod export;
pub mod form;
pub mod heat_map;
pub mod job;
pub mod picker;
pub mod picture;
pub mod results;
pub mod source;
pub mod table;

use basin_core::figure::style::{Colour, series_style};
use egui::{Color32, RichText, Ui};

/// The colour of a series in figures. Black becomes the colour of text, since a dark window would hide it.
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

/// An error message.
pub fn problem(ui: &mut Ui, sentence: &str) {
    ui.label(RichText::new(format!("⚠ {sentence}")).color(ui.visuals().error_fg_color));
}

/// A hint in weak colours, such as what can be done here.
pub fn hint(ui: &mut Ui, sentence: &str) {
    ui.label(RichText::new(sentence).weak());
}
/// A number of things, in the plural unless it is one.
pub fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// With a capital letter.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
