//! Tensors of the CPU as plain slices.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::TensorData;

/// A tensor in the CPU's memory.
pub(crate) type CpuTensor = FloatTensor<Flex>;

/// The values of a contiguous tensor.
pub(crate) fn floats(tensor: &CpuTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous float32")
}

/// The values of a tensor, without a copy where nobody else holds it.
pub(crate) fn into_floats(tensor: CpuTensor) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("float32")
}

/// A tensor that takes over the values.
pub(crate) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> CpuTensor {
    CpuTensor::from_data(TensorData::new(values, shape))
}
