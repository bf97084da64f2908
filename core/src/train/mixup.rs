//! Mixup (Zhang et al. 2018): one coefficient for a batch, as in the reference, or one for each image.

use burn::tensor::{Int, Tensor, TensorData};

/// `coefficient * images + (1 - coefficient) * images[index]`, with one coefficient for all images or one for each.
/// Images: `[batch, 3, height, width]`.
pub fn mix(images: Tensor<4>, index: &[usize], coefficients: &[f64]) -> Tensor<4> {
    let device = images.device();
    let index: Vec<i64> = index.iter().map(|i| *i as i64).collect();
    let length = index.len();
    let index = Tensor::<1, Int>::from_data(TensorData::new(index, [length]), &device);
    let others = images.clone().select(0, index);
    if let [coefficient] = coefficients {
        return images * *coefficient + others * (1.0 - coefficient);
    }
    let factors = |factors: Vec<f32>| Tensor::from_data(TensorData::new(factors, [length, 1, 1, 1]), &device);
    let own = factors(coefficients.iter().map(|c| *c as f32).collect());
    let other = factors(coefficients.iter().map(|c| (1.0 - c) as f32).collect());
    images * own + others * other
}
