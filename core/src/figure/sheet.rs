//! Contact sheets: small images in groups, each with a few words below it.

use std::fmt::Write as _;
use std::io::Cursor;

use image::{ImageFormat, RgbImage, imageops};

use super::style::{FINE, FONTS, INK, LARGE, PAPER, SMALL};
use super::{escape, png};
use crate::error::{Error, Result};

/// Side of a picture's image, pixels.
pub const PICTURE: u32 = 224;
/// Pixels for one unit of the drawing.
const SCALE: u32 = 2;
/// Pictures in a row.
const COLUMNS: usize = 8;
/// Lengths in the drawing: the margin, from picture to picture, of a line of text, and of a heading.
const MARGIN: usize = 14;
const PITCH: usize = (PICTURE / SCALE) as usize + 10;
const LINE: usize = 13;
const HEADING: usize = 24;
/// Characters that fit below a picture.
const CHARACTERS: usize = 20;

/// Groups of pictures below each other.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// The heading of the sheet.
    pub title: String,
    /// The groups, from the top.
    pub groups: Vec<Group>,
}

/// Pictures under one heading.
#[derive(Debug, Clone)]
pub struct Group {
    /// The heading.
    pub title: String,
    /// Row by row; there may be none.
    pub pictures: Vec<Picture>,
}

/// An image and what is said of it.
#[derive(Debug, Clone)]
pub struct Picture {
    /// [`PICTURE`] pixels wide and high.
    pub image: RgbImage,
    /// Lines of text below it; long ones are cut.
    pub lines: Vec<String>,
}

impl Sheet {
    /// The sheet as a PNG.
    ///
    /// # Errors
    /// [`Error::Run`] if it cannot be drawn.
    pub fn png(&self) -> Result<Vec<u8>> {
        let failed =
            |error: image::ImageError| Error::run(format!("a contact sheet cannot be drawn: {error}"));
        let (text, places) = self.lay_out();
        let mut pixels = image::load_from_memory_with_format(&png(&text, SCALE as f32)?, ImageFormat::Png)
            .map_err(failed)?
            .into_rgb8();
        let pictures = self.groups.iter().flat_map(|group| &group.pictures);
        for (picture, (x, y)) in pictures.zip(places) {
            let at = |place: usize| i64::from(SCALE) * place as i64;
            imageops::replace(&mut pixels, &picture.image, at(x), at(y));
        }
        let mut bytes = Vec::new();
        pixels.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).map_err(failed)?;
        Ok(bytes)
    }

    /// All text as SVG, and the place of each picture's image.
    fn lay_out(&self) -> (String, Vec<(usize, usize)>) {
        let (mut body, mut places) = (String::new(), Vec::new());
        let mut write = |x: usize, y: usize, size: f64, text: &str| {
            // Writing to a String cannot fail.
            writeln!(body, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\">{}</text>", escape(text)).ok();
        };
        let mut top = MARGIN + LINE;
        write(MARGIN, top, LARGE, &self.title);
        for group in &self.groups {
            top += HEADING;
            write(MARGIN, top, SMALL, &group.title);
            top += LINE / 2;
            for row in group.pictures.chunks(COLUMNS) {
                let height = (PICTURE / SCALE) as usize;
                for (column, picture) in row.iter().enumerate() {
                    let left = MARGIN + column * PITCH;
                    places.push((left, top));
                    for (number, line) in picture.lines.iter().enumerate() {
                        write(left, top + height + (number + 1) * LINE, FINE, &cut(line));
                    }
                }
                let lines = row.iter().map(|picture| picture.lines.len()).max().unwrap_or_default();
                top += height + (lines + 1) * LINE;
            }
        }
        let (width, height) = (2 * MARGIN + COLUMNS * PITCH, top + MARGIN);
        let head = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"{FONTS}\" fill=\"{INK}\">\
             <rect width=\"100%\" height=\"100%\" fill=\"{PAPER}\"/>\n"
        );
        (head + &body + "</svg>\n", places)
    }
}

/// A line as long as a picture is wide.
fn cut(line: &str) -> String {
    if line.chars().count() <= CHARACTERS {
        return line.to_owned();
    }
    line.chars().take(CHARACTERS - 1).chain(['…']).collect()
}
