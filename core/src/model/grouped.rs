//! Grouped convolutions (ResNeXt; Xie et al. 2017): each group of outputs reads a group of inputs of its own.

use burn::tensor::{Bool, Tensor, TensorData};

use super::conv::{Options, composed, conv};
use crate::device::has_kernels;

/// Channels that the CPU convolves together at least: narrow groups are put side by side, as blocks of one wider weight.
const CHANNELS: usize = 32;

/// `act(conv(images; weights) + output_bias + residual)` in `groups` groups of channels, which divide both numbers of channels.
///
/// # Shapes
/// - images: `[batch, height, width, in]`
/// - weights: `[kernel, kernel, in / groups, out]`
/// - output_bias: `[1]` or `[out]`
/// - residual and result: `[batch, out height, out width, out]`
pub fn grouped(
    images: Tensor<4>,
    weights: Tensor<4>,
    output_bias: Tensor<1>,
    residual: Option<Tensor<4>>,
    groups: usize,
    options: Options,
) -> Tensor<4> {
    if !has_kernels(&images) {
        return composed::grouped(images, weights, output_bias, residual, groups, options);
    }
    let [_, _, inputs, outputs] = weights.dims();
    let together = (1..=groups).find(|count| groups.is_multiple_of(*count) && count * inputs >= CHANNELS);
    let together = together.unwrap_or(groups);
    let (wide_in, wide_out) = (together * inputs, together * (outputs / groups));
    let no_bias = || Tensor::zeros([1], &images.device());
    let outside = outside_blocks([wide_in, wide_out], together, &images);
    let parts = (0..groups / together).map(|part| {
        let of_part = |tensor: Tensor<4>| tensor.narrow(3, part * wide_out, wide_out);
        let weights = of_part(weights.clone()).repeat_dim(2, together).mask_fill(outside.clone(), 0.0);
        let bias = match output_bias.dims() {
            [1] => output_bias.clone(),
            _ => output_bias.clone().narrow(0, part * wide_out, wide_out),
        };
        let images = images.clone().narrow(3, part * wide_in, wide_in);
        conv(images, weights, no_bias(), bias, residual.clone().map(of_part), options)
    });
    Tensor::cat(parts.collect(), 3)
}

/// Where an input and an output belong to different ones of some groups, `[1, 1, in, out]`.
fn outside_blocks([inputs, outputs]: [usize; 2], groups: usize, like: &Tensor<4>) -> Tensor<4, Bool> {
    let of_group = [inputs, outputs].map(|channels| channels / groups);
    let is_outside = |index: usize| index / outputs / of_group[0] != index % outputs / of_group[1];
    let values: Vec<bool> = (0..inputs * outputs).map(is_outside).collect();
    Tensor::from_data(TensorData::new(values, [1, 1, inputs, outputs]), &like.device())
}
