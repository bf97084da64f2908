//! The convolution of [`super::conv`] from Burn's own operations, for devices that have no kernel of ours.

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{FloatDType, Tensor};

use super::Options;
use crate::model::relu::finished;

/// As [`super::conv`], in the precision of the images.
pub(crate) fn conv(
    images: Tensor<4>,
    weights: Tensor<4>,
    input_bias: Tensor<1>,
    output_bias: Tensor<1>,
    residual: Option<Tensor<4>>,
    options: Options,
) -> Tensor<4> {
    let input_bias = input_bias.cast(FloatDType::from(images.dtype()));
    grouped(images + input_bias.reshape([1, 1, 1, 1]), weights, output_bias, residual, 1, options)
}

/// As [`crate::model::grouped::grouped`], in the precision of the images.
pub(crate) fn grouped(
    images: Tensor<4>,
    weights: Tensor<4>,
    output_bias: Tensor<1>,
    residual: Option<Tensor<4>>,
    groups: usize,
    options: Options,
) -> Tensor<4> {
    let precision = FloatDType::from(images.dtype());
    let sums = plain(images, weights.cast(precision), groups, options);
    let sums = sums + output_bias.cast(precision).reshape([1, 1, 1, -1]);
    finished(sums, residual, options.relu)
}

fn plain(images: Tensor<4>, weights: Tensor<4>, groups: usize, options: Options) -> Tensor<4> {
    let Options { stride, padding, .. } = options;
    let [batch, height, width, inputs] = images.dims();
    let [kernel, .., outputs] = weights.dims();
    if [kernel, stride, padding, groups] == [1, 1, 0, 1] {
        // Over channels-last images this is a matrix product, which devices do best.
        let pixels = images.reshape([batch * height * width, inputs]);
        return pixels.matmul(weights.reshape([inputs, outputs])).reshape([batch, height, width, outputs]);
    }
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], groups);
    // To Burn's order of axes and back; in memory the channels stay last.
    conv2d(images.permute([0, 3, 1, 2]), weights.permute([3, 2, 0, 1]), None, options).permute([0, 2, 3, 1])
}
