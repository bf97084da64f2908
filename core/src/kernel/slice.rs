//! Tensors of Burn's CPU backend as plain slices, and back.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::TensorData;

/// A tensor in the CPU's memory.
pub type CpuTensor = FloatTensor<Flex>;

/// The values of a contiguous tensor.
pub fn floats(tensor: &CpuTensor) -> &[f32] {
    tensor.as_slice().expect("contiguous float32")
}

/// The values of a tensor; copied only where something else holds the tensor too.
pub fn into_floats(tensor: CpuTensor) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("float32")
}

/// A tensor that takes over the values, which are as many as the shape has.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> CpuTensor {
    CpuTensor::from_data(TensorData::new(values, shape))
}

/// The value, or the floor if that is larger; NaN stays NaN, as in PyTorch, where [`f32::max`] gives the floor.
#[inline(always)]
pub fn at_least(floor: f32, value: f32) -> f32 {
    if value < floor { floor } else { value }
}
