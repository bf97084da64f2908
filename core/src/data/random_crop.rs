//! Where the random crops of training lie, as torchvision draws them.

use crate::random::Keyed;

/// Area of a random resized crop as a fraction of the image, smallest and largest (torchvision's default).
const AREA: (f64, f64) = (0.08, 1.0);
/// Width over height of a random resized crop, smallest and largest (torchvision's default).
const ASPECT: (f64, f64) = (3.0 / 4.0, 4.0 / 3.0);
/// Draws of a random resized crop before the middle of the image is taken instead (torchvision).
const TRIES: usize = 10;

/// Where `RandomResizedCrop` cuts: ((top, left), (height, width)), pixels.
pub(super) fn resized_window(width: u32, height: u32, draw: &mut Keyed) -> ((i64, i64), (u32, u32)) {
    let area = f64::from(width) * f64::from(height);
    for _ in 0..TRIES {
        let target = area * draw.range(AREA.0, AREA.1);
        let aspect = draw.range(ASPECT.0.ln(), ASPECT.1.ln()).exp();
        let crop_width = (target * aspect).sqrt().round_ties_even() as u32;
        let crop_height = (target / aspect).sqrt().round_ties_even() as u32;
        if (1..=width).contains(&crop_width) && (1..=height).contains(&crop_height) {
            let top = draw.below((height - crop_height + 1) as usize);
            let left = draw.below((width - crop_width + 1) as usize);
            return ((top as i64, left as i64), (crop_height, crop_width));
        }
    }
    let (crop_width, crop_height) = middle(width, height);
    let offset = |size: u32, crop: u32| i64::from((size - crop) / 2);
    ((offset(height, crop_height), offset(width, crop_width)), (crop_height, crop_width))
}

/// Where `RandomCrop` cuts a square of `side` pixels: (top, left).
pub(super) fn square_origin(width: u32, height: u32, side: usize, draw: &mut Keyed) -> (i64, i64) {
    let mut shift = |length: u32| draw.below((length as usize).saturating_sub(side) + 1) as i64;
    (shift(height), shift(width))
}

/// Width and height of the largest window in the middle whose aspect is allowed.
fn middle(width: u32, height: u32) -> (u32, u32) {
    let (wide, high) = (f64::from(width), f64::from(height));
    let aspect = wide / high;
    if aspect < ASPECT.0 {
        (width, ((wide / ASPECT.0).round_ties_even() as u32).min(height))
    } else if aspect > ASPECT.1 {
        (((high * ASPECT.1).round_ties_even() as u32).min(width), height)
    } else {
        (width, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn random_windows_stay_inside_and_vary() {
        let window = |sample| resized_window(60, 40, &mut Keyed::new(7, Purpose::Augment, 3, sample));
        let mut distinct = std::collections::HashSet::new();
        for sample in 0..500 {
            let ((top, left), (height, width)) = window(sample);
            assert!(top >= 0 && left >= 0 && top as u32 + height <= 40 && left as u32 + width <= 60);
            assert!(f64::from(width * height) >= 0.07 * 60.0 * 40.0);
            distinct.insert(window(sample));
        }
        assert!(distinct.len() > 400);
    }

    #[test]
    fn extreme_images_fall_back_to_the_middle() {
        assert_eq!(middle(300, 3), (4, 3));
        assert_eq!(middle(3, 300), (3, 4));
        assert_eq!(middle(30, 30), (30, 30));
        // No drawn window fits in an image two pixels high and very wide, whatever the seed.
        let draw = &mut Keyed::new(0, Purpose::Augment, 0, 0);
        assert_eq!(resized_window(4000, 2, draw), ((0, 1998), (2, 3)));
    }
}
