//! Lines, marks and bars of a series as SVG.

use super::canvas::{Canvas, Place};
use super::style::{BAND_OPACITY, DISTINCT, INK, LINE_WIDTH, Mark, PAPER, SeriesStyle, series_style};

/// Attributes of the line of a series.
pub(super) fn stroke(number: usize) -> String {
    let SeriesStyle { colour, dash, .. } = series_style(number);
    let dash = dash.map(|(dash, gap)| format!(" stroke-dasharray=\"{dash} {gap}\"")).unwrap_or_default();
    format!("stroke=\"{colour}\" stroke-width=\"{LINE_WIDTH}\" stroke-linejoin=\"round\"{dash}")
}

/// Attributes of the band around the line of a series.
pub(super) fn band(number: usize) -> String {
    format!("fill=\"{}\" fill-opacity=\"{BAND_OPACITY}\"", series_style(number).colour)
}

/// The mark of a point of a series.
pub(super) fn marker(canvas: &mut Canvas, number: usize, (x, y): Place) {
    let SeriesStyle { colour, mark, is_filled, .. } = series_style(number);
    let fill = if is_filled { colour } else { PAPER };
    let style = format!("fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"1.2\"");
    let corners: &[Place] = match mark {
        Mark::Disc => return canvas.circle((x, y), 3.4, &style),
        Mark::Square => &[(-3.0, -3.0), (3.0, -3.0), (3.0, 3.0), (-3.0, 3.0)],
        Mark::Triangle => &[(-3.8, 3.0), (3.8, 3.0), (0.0, -4.0)],
        Mark::Diamond => &[(-4.4, 0.0), (0.0, -4.4), (4.4, 0.0), (0.0, 4.4)],
    };
    let corners: Vec<Place> = corners.iter().map(|(right, down)| (x + right, y + down)).collect();
    canvas.polygon(&corners, &style);
}

/// Attributes that fill the bars of a series; [`hatches`] must be in the document.
pub(super) fn fill(number: usize) -> String {
    format!("fill=\"url(#{})\" stroke=\"{INK}\" stroke-width=\"0.7\"", pattern(number))
}

/// Definitions of the fills of so many series. They are the same in every figure, so a page may hold many figures.
pub(super) fn hatches(count: usize) -> String {
    let patterns = (0..count.min(DISTINCT)).map(|number| {
        let (name, SeriesStyle { colour, hatch, .. }) = (pattern(number), series_style(number));
        format!(
            "<pattern id=\"{name}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
             <rect width=\"6\" height=\"6\" fill=\"{colour}\"/><path d=\"{hatch}\" stroke=\"{PAPER}\" stroke-width=\"1.3\" fill=\"none\"/></pattern>"
        )
    });
    format!("<defs>{}</defs>", patterns.collect::<String>())
}

fn pattern(number: usize) -> String {
    format!("hatch{}", number % DISTINCT)
}
