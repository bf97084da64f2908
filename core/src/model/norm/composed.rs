//! Batch normalisation from Burn's own operations, for devices that have no kernel of ours; in single precision within.

use burn::tensor::{FloatDType, Tensor};

use super::EPSILON;
use crate::model::relu::finished;

/// As [`super::moments`].
pub(crate) fn moments(images: Tensor<4>) -> Tensor<2> {
    let [mean, _, variance] = centred(images);
    Tensor::cat(vec![mean, variance], 0)
}

/// As [`super::normalize`], with the moments taken anew, so that autodiff sees them.
pub(crate) fn normalize(
    images: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    residual: Option<Tensor<4>>,
    is_relu: bool,
) -> Tensor<4> {
    let (shape, precision) = (images.dims(), FloatDType::from(images.dtype()));
    let [_, centred, variance] = centred(images);
    let factor = weight.reshape([1, -1]) / (variance + EPSILON).sqrt();
    let output = (centred * factor + bias.reshape([1, -1])).cast(precision).reshape(shape);
    finished(output, residual, is_relu)
}

/// Mean of each channel `[1, channels]`, distances to it `[pixels, channels]`, and variance `[1, channels]`.
fn centred(images: Tensor<4>) -> [Tensor<2>; 3] {
    let [batch, height, width, channels] = images.dims();
    let pixels = images.cast(FloatDType::F32).reshape([batch * height * width, channels]);
    let mean = pixels.clone().mean_dim(0);
    let centred = pixels - mean.clone();
    // An overflow becomes NaN, not zeros.
    let variance = centred.clone().square().mean_dim(0);
    let variance = variance.clone() * 0.0 + variance;
    [mean, centred, variance]
}
