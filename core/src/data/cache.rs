//! X-rays that stay in memory once they are decoded (`data.configs.cache_bitmap`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{GrayImage, RgbImage};

use super::decode::repeated;
use super::xray::gray;
use crate::error::Result;

/// Memory for images: 4 GiB, enough for the 50,000 X-rays of a split, shrunk to 224 pixels.
const BYTES: usize = 4 << 30;

/// Grey images, kept from their first use until the memory is full; the others are decoded again each time.
#[derive(Debug)]
pub(super) struct Cache {
    images: Vec<OnceLock<GrayImage>>,
    /// Memory that is left.
    room: AtomicUsize,
}

impl Cache {
    /// For that many images.
    pub fn new(len: usize) -> Self {
        Self { images: (0..len).map(|_| OnceLock::new()).collect(), room: AtomicUsize::new(BYTES) }
    }

    /// The image at a position, decoded if it is not there. Only grey ones are kept.
    pub fn get(&self, at: usize, decode: impl FnOnce() -> Result<RgbImage>) -> Result<RgbImage> {
        if let Some(image) = self.images[at].get() {
            return Ok(repeated(image));
        }
        let image = decode()?;
        if image.pixels().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]) {
            let grey = gray(&image);
            let take = |room: usize| room.checked_sub(grey.len());
            if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                // Another thread may have been faster with the same image.
                self.images[at].set(grey).ok();
            }
        }
        Ok(image)
    }
}
