//! What tells one series from the next, with or without colour.

use super::canvas::{Canvas, Place};

/// The palette of Okabe and Ito (2008), dark ones first.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"];
/// Lengths of dashes and gaps, pixels.
const DASHES: [&str; 4] = ["", "8 4", "3 3", "14 4"];
/// White lines over a bar's colour, in a tile of 6 by 6 pixels; the first is plain.
const HATCHES: [&str; 7] = [
    "",
    "M-1 1L1 -1M0 6L6 0M5 7L7 5",
    "M-1 5L1 7M0 0L6 6M5 -1L7 1",
    "M0 3H6",
    "M3 0V6",
    "M0 0L6 6M0 6L6 0",
    "M0 3H6M3 0V6",
];

/// The colour of a series of any figure: red, green and blue.
pub fn rgb(number: usize) -> [u8; 3] {
    let [_, digits @ ..] = colour(number).as_bytes() else { return [0; 3] };
    let channel = |at: usize| {
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
        16 * digit(digits[2 * at]) + digit(digits[2 * at + 1])
    };
    [0, 1, 2].map(channel)
}

/// The same as SVG writes it.
pub(super) fn colour(number: usize) -> &'static str {
    COLOURS[number % COLOURS.len()]
}

/// Attributes of the line of a series.
pub(super) fn stroke(number: usize) -> String {
    let dash = match DASHES[number % DASHES.len()] {
        "" => String::new(),
        dash => format!(" stroke-dasharray=\"{dash}\""),
    };
    format!("stroke=\"{}\" stroke-width=\"2\" stroke-linejoin=\"round\"{dash}", colour(number))
}

/// The mark of a point of a series: disc, square, triangle or diamond, full or hollow.
pub(super) fn marker(canvas: &mut Canvas, number: usize, (x, y): Place) {
    let full = number % COLOURS.len() < 4;
    let fill = if full { colour(number) } else { "#fff" };
    let style = format!("fill=\"{fill}\" stroke=\"{}\" stroke-width=\"1.2\"", colour(number));
    let corners: &[Place] = match number % COLOURS.len() % 4 {
        0 => return canvas.circle((x, y), 3.4, &style),
        1 => &[(-3.0, -3.0), (3.0, -3.0), (3.0, 3.0), (-3.0, 3.0)],
        2 => &[(-3.8, 3.0), (3.8, 3.0), (0.0, -4.0)],
        _ => &[(-4.4, 0.0), (0.0, -4.4), (4.4, 0.0), (0.0, 4.4)],
    };
    let corners: Vec<Place> = corners.iter().map(|(right, down)| (x + right, y + down)).collect();
    canvas.polygon(&corners, &style);
}

/// Attributes that fill the bars of a series; [`hatches`] must be in the document.
pub(super) fn fill(number: usize) -> String {
    format!("fill=\"url(#hatch{})\" stroke=\"#1a1a1a\" stroke-width=\"0.7\"", number % COLOURS.len())
}

/// Definitions of the fills of so many series. They are the same in every figure, so a page may hold many figures.
pub(super) fn hatches(count: usize) -> String {
    let patterns = HATCHES.iter().zip(COLOURS).enumerate().take(count).map(|(number, (lines, colour))| {
        format!(
            "<pattern id=\"hatch{number}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
             <rect width=\"6\" height=\"6\" fill=\"{colour}\"/><path d=\"{lines}\" stroke=\"#fff\" stroke-width=\"1.3\" fill=\"none\"/></pattern>"
        )
    });
    format!("<defs>{}</defs>", patterns.collect::<String>())
}
