//! The rectifier from Burn's own operations, for devices that have no kernel of ours.

use burn::tensor::Tensor;

/// The larger of each value and zero. NaN stays NaN, as in PyTorch, where Burn's `relu` may give zero.
pub(super) fn relu<const D: usize>(values: Tensor<D>) -> Tensor<D> {
    let is_zero = values.clone().lower_equal_elem(0.0);
    values.mask_fill(is_zero, 0.0)
}

/// `act(sums + residual)`, what all our operations end with.
pub(super) fn finished(sums: Tensor<4>, residual: Option<Tensor<4>>, is_relu: bool) -> Tensor<4> {
    let sums = match residual {
        Some(residual) => sums + residual,
        None => sums,
    };
    if is_relu { relu(sums) } else { sums }
}
