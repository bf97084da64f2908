//! Mixup (Zhang et al. 2018), one coefficient for a batch.

use burn::tensor::{Int, Tensor, TensorData};

/// `coefficient * images + (1 - coefficient) * images[index]`. Images: `[batch, 3, height, width]`.
pub fn mix(images: Tensor<4>, index: &[usize], coefficient: f64) -> Tensor<4> {
    let index: Vec<i64> = index.iter().map(|i| *i as i64).collect();
    let length = index.len();
    let index = Tensor::<1, Int>::from_data(TensorData::new(index, [length]), &images.device());
    let others = images.clone().select(0, index);
    images * coefficient + others * (1.0 - coefficient)
}
