//! Images of data sets as textures, made once and beside the window's thread.

use basin_core::config::Interpolation;
use basin_core::data::{RgbImage, resize_shorter_side};
use basin_core::error::Result;
use egui::{
    ColorImage, Context, Image, Response, Sense, TextureFilter, TextureHandle, TextureOptions, Ui, Vec2, vec2,
};

/// Longest side of a texture that is made of a photograph, pixels; every GPU has textures of this size.
const LONGEST: u32 = 1024;

/// An image that can be drawn.
pub struct Picture {
    texture: TextureHandle,
    /// Its pixels.
    pub image: RgbImage,
}

impl Picture {
    /// Makes a picture whose pixels stay sharp squares when it is enlarged.
    pub fn exact(context: &Context, name: &str, image: RgbImage) -> Self {
        Self::new(context, name, image, TextureOptions::NEAREST)
    }

    /// Makes a picture of a photograph, which is resized if it is too large for a texture.
    ///
    /// # Errors
    /// [`basin_core::error::Error::Data`] if it has no pixels.
    pub fn photograph(context: &Context, name: &str, image: &RgbImage) -> Result<Self> {
        let (width, height) = image.dimensions();
        let long = width.max(height);
        let short = u64::from(width.min(height)) * u64::from(LONGEST.min(long)) / u64::from(long.max(1));
        let image = match long <= LONGEST {
            true => image.clone(),
            false => resize_shorter_side(image, short.max(1) as usize, Interpolation::Bilinear)?,
        };
        let options = TextureOptions { minification: TextureFilter::Linear, ..TextureOptions::NEAREST };
        Ok(Self::new(context, name, image, options))
    }

    fn new(context: &Context, name: &str, image: RgbImage, options: TextureOptions) -> Self {
        let size = [image.width(), image.height()].map(|side| side as usize);
        let texture = context.load_texture(name, ColorImage::from_rgb(size, image.as_raw()), options);
        Self { texture, image }
    }

    /// Draws it as large as fits into a square.
    pub fn ui(&self, ui: &mut Ui, label: &str, side: f32, sense: Sense) -> Response {
        let size = self.texture.size_vec2();
        let size = size * (side / size.max_elem().max(1.0));
        ui.allocate_ui(Vec2::splat(side), |ui| {
            ui.set_min_size(vec2(side, side));
            ui.add(Image::from_texture((self.texture.id(), size)).alt_text(label).sense(sense))
        })
        .inner
    }
}
