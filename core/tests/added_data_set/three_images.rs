//! A data set of three drawn images, added from outside the library.

use std::sync::Arc;

use basin_core::config::Data;
use basin_core::data::{
    DataSource, Files, Index, Input, Photograph, Pixels, RandomCrop, RgbImage, Sample, Split, Statistics,
    Transform,
};
use basin_core::error::Result;

/// Colour and name of each image; its label is its place in here.
pub const IMAGES: [(&str, [u8; 3]); 3] =
    [("red", [255, 0, 0]), ("green", [0, 255, 0]), ("blue", [0, 0, 255])];

/// The data set: a training and a test set of the same three images.
pub struct ThreeImages;

impl DataSource for ThreeImages {
    fn name(&self) -> &'static str {
        "ThreeImages"
    }

    fn transform(&self, input: Input) -> Arc<dyn Transform> {
        let statistics = Statistics { mean: [0.5; 3], deviation: [0.25; 3] };
        Arc::new(Photograph::new(&input, RandomCrop::Resized, statistics))
    }

    fn needs(&self) -> Option<String> {
        None
    }

    fn open(&self, data: &Data, _split: Split, _files: Files) -> Result<Index> {
        let side = data.configs.pre_crop_size as u32;
        let sample = |(label, (name, _)): (usize, &(&str, _))| Sample { id: (*name).to_owned(), label };
        Ok(Index {
            samples: IMAGES.iter().enumerate().map(sample).collect(),
            outputs: IMAGES.len(),
            pixels: Pixels::images(
                IMAGES
                    .iter()
                    .map(|(_, colour)| RgbImage::from_pixel(side, side, image::Rgb(*colour)))
                    .collect(),
            ),
        })
    }
}
