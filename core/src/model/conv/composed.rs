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
    let precision = FloatDType::from(images.dtype());
    let [input_bias, output_bias] = [input_bias, output_bias].map(|bias| bias.cast(precision));
    let weights = weights.cast(precision);
    let sums = plain(images + input_bias.reshape([1, 1, 1, 1]), weights, options);
    let sums = sums + output_bias.reshape([1, 1, 1, -1]);
    finished(sums, residual, options.relu)
}

fn plain(images: Tensor<4>, weights: Tensor<4>, options: Options) -> Tensor<4> {
    let Options { stride, padding, .. } = options;
    let [batch, height, width, inputs] = images.dims();
    let [kernel, .., outputs] = weights.dims();
    if [kernel, stride, padding] == [1, 1, 0] {
        // Over channels-last images this is a matrix product, which devices do best.
        let pixels = images.reshape([batch * height * width, inputs]);
        return pixels.matmul(weights.reshape([inputs, outputs])).reshape([batch, height, width, outputs]);
    }
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    // To Burn's order of axes and back; in memory the channels stay last.
    conv2d(images.permute([0, 3, 1, 2]), weights.permute([3, 2, 0, 1]), None, options).permute([0, 2, 3, 1])
}
