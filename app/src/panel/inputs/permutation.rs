//! Where a shuffle takes the parts of an image from, as two pictures.

use basin_core::config::Data;
use basin_core::data::{RgbImage, Shuffle};
use basin_core::error::Result;
use egui::{Align2, Color32, Context, FontId, Rect, Sense, Ui, vec2};

use crate::widget::hint;
use crate::widget::picture::Picture;

/// Side of a picture, points.
const SIDE: f32 = 220.0;
/// Parts of a side beyond which they are not numbered.
const NUMBERED: usize = 10;
const CHANNELS: [&str; 3] = ["red", "green", "blue"];

/// What a shuffle does to the blocks of an image, or to the red values of its pixels.
pub struct Permutation {
    /// Blocks or pixels in a row.
    per_side: usize,
    /// Pixels in a row of a block.
    block: usize,
    /// Where each comes from: channel, and number of the block or pixel, row by row.
    pub sources: Vec<(usize, usize)>,
    /// Does nothing move?
    pub is_identity: bool,
    moves_values: bool,
    seed: u32,
    pictures: [Picture; 2],
}

impl Permutation {
    /// The shuffle that the settings ask for; `None` for none.
    ///
    /// # Errors
    /// [`basin_core::error::Error::Usage`] if blocks do not divide the image.
    pub fn of(data: &Data, context: &Context) -> Result<Option<Self>> {
        let (configs, size) = (&data.configs, data.configs.image_size);
        let (shuffle, block, seed) = match (configs.shuffle_block_config, configs.shuffle_pixel_config) {
            (Some(blocks), _) => {
                (Shuffle::blocks(size, blocks.block_size, blocks.seed)?, blocks.block_size, blocks.seed)
            }
            (None, Some(pixels)) => (Shuffle::pixels(size, pixels.seed), 1, pixels.seed),
            (None, None) => return Ok(None),
        };
        let per_side = size / block;
        let source = |part: usize| {
            let pixel = part / per_side * block * size + part % per_side * block;
            let from = shuffle.sources().get(pixel).map_or(pixel, |from| *from as usize);
            let (channel, pixel) = (from / (size * size), from % (size * size));
            (channel, pixel / size / block * per_side + pixel % size / block)
        };
        let sources: Vec<(usize, usize)> = (0..per_side * per_side).map(source).collect();
        let picture = |name: &str, from: &dyn Fn(usize) -> usize| {
            let side = per_side as u32;
            let shade = |place: usize| (40 + 200 * place / per_side.max(2)) as u8;
            let image = RgbImage::from_fn(side, side, |x, y| {
                let from = from((y * side + x) as usize);
                [shade(from % per_side), shade(from / per_side), 150].into()
            });
            Picture::exact(context, name, image)
        };
        let pictures = [
            picture("before", &|part| part),
            picture("after", &|part| sources.get(part).map_or(part, |source| source.1)),
        ];
        Ok(Some(Self {
            per_side,
            block,
            is_identity: shuffle.is_identity(),
            moves_values: configs.shuffle_block_config.is_none(),
            seed,
            pictures,
            sources,
        }))
    }

    /// Draws an image's parts before and after, each in the colour and with the number of where it comes from.
    pub fn ui(&self, ui: &mut Ui) {
        ui.heading("Permutation");
        if self.is_identity {
            let parts = self.per_side * self.per_side;
            hint(
                ui,
                &format!("Seed {} leaves all {parts} in place: this shuffle is the identity.", self.seed),
            );
        }
        ui.horizontal(|ui| {
            for (picture, is_after) in self.pictures.iter().zip([false, true]) {
                ui.vertical(|ui| {
                    let title = if is_after { "After the shuffle" } else { "Before the shuffle" };
                    ui.label(title);
                    let response = picture.ui(ui, title, SIDE, Sense::hover());
                    self.numbers(ui, response.rect, is_after);
                    if let Some(at) = response.hover_pos() {
                        let place =
                            |at: f32| ((at / SIDE * self.per_side as f32) as usize).min(self.per_side - 1);
                        let at = at - response.rect.min;
                        let part = place(at.y) * self.per_side + place(at.x);
                        response.on_hover_text_at_pointer(self.said(part, is_after));
                    }
                });
            }
        });
        if self.moves_values {
            hint(
                ui,
                "Every value moves by itself, across channels too; shown is where the red ones come from.",
            );
        }
    }

    fn numbers(&self, ui: &Ui, place: Rect, is_after: bool) {
        if self.per_side > NUMBERED {
            return;
        }
        let cell = place.width() / self.per_side as f32;
        for (part, source) in self.sources.iter().enumerate() {
            let (row, column) = (part / self.per_side, part % self.per_side);
            let at = place.min + vec2(column as f32 + 0.5, row as f32 + 0.5) * cell;
            let number = if is_after { source.1 } else { part };
            let font = FontId::proportional((cell * 0.45).min(18.0));
            ui.painter().text(at, Align2::CENTER_CENTER, number, font, Color32::WHITE);
        }
    }

    /// What is known of a part.
    fn said(&self, part: usize, is_after: bool) -> String {
        let place = |part: usize| format!("row {}, column {}", part / self.per_side, part % self.per_side);
        let here = place(part);
        match (self.sources.get(part), is_after) {
            (Some((channel, from)), true) if self.moves_values => {
                let channel = CHANNELS.get(*channel).copied().unwrap_or_default();
                format!("the red value in {here}\nwas the {channel} value in {}", place(*from))
            }
            (Some((_, from)), true) => format!("the block in {here}\nwas block {from}, in {}", place(*from)),
            _ => format!("block {part}, in {here}, of {} x {} pixels", self.block, self.block),
        }
    }
}
