//! Mixup (Zhang et al. 2018): one coefficient for a batch, as in the reference, or one for each image.

use rayon::prelude::*;

/// `coefficient * images + (1 - coefficient) * images[index]`, with one coefficient for all images or one for each.
/// Images: `[batch, 3, height, width]`, as many as `index` is long.
pub fn mix(images: &[f32], index: &[usize], coefficients: &[f64]) -> Vec<f32> {
    let size = images.len() / index.len();
    let image = |number: usize| &images[number * size..(number + 1) * size];
    let mut mixed = vec![0.0; images.len()];
    mixed.par_chunks_mut(size).zip(index).enumerate().for_each(|(number, (mixed, other))| {
        let coefficient = coefficients[if coefficients.len() == 1 { 0 } else { number }];
        let (own, rest) = (coefficient as f32, (1.0 - coefficient) as f32);
        let pairs = image(number).iter().zip(image(*other));
        mixed.iter_mut().zip(pairs).for_each(|(mixed, (one, two))| *mixed = one * own + two * rest);
    });
    mixed
}
