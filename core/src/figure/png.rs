//! Charts as pixels.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::style::FONT;
use crate::error::{Error, Result};

/// The font that ships with the program, so that a picture looks the same on every machine.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../../../assets/fonts/Roboto-Regular.ttf").to_vec());
    fonts.set_sans_serif_family(FONT);
    Arc::new(fonts)
});

/// What an SVG document holds, texts as outlines.
pub(super) fn tree(svg: &str) -> Result<Tree> {
    let options = Options { fontdb: Arc::clone(&FONTS), font_family: FONT.to_owned(), ..Options::default() };
    Tree::from_str(svg, &options).map_err(|error| failed(&error.to_string()))
}

fn failed(reason: &str) -> Error {
    Error::run(format!("a figure cannot be drawn: {reason}"))
}

/// Renders an SVG document as PNG, `scale` pixels for one of the document.
///
/// # Errors
/// [`Error::Run`] if the document is none.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>> {
    let tree = tree(svg)?;
    let size = tree.size();
    let [width, height] = [size.width(), size.height()].map(|length| (length * scale).ceil() as u32);
    let mut pixels =
        Pixmap::new(width, height).ok_or_else(|| failed(&format!("{width} x {height} pixels")))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(&error.to_string()))
}
