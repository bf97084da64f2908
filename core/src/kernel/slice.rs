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

/// The sum of some floats in an order that vector instructions can follow.
#[inline(always)]
pub fn sum_lanes(values: &[f32]) -> f32 {
    let mut lanes = [0.0; 16];
    let chunks = values.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane += value);
    }
    lanes.iter().sum::<f32>() + rest
}

/// A buffer that tasks write to in parallel, each at places of its own.
#[derive(Clone, Copy)]
pub struct Shared(pub *mut f32);

// SAFETY: every task writes its own pixels and columns only.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The buffer's element `index` as a pointer.
    ///
    /// # Safety
    /// `index` must lie within the buffer.
    pub unsafe fn at(self, index: usize) -> *mut f32 {
        // SAFETY: promised by the caller.
        unsafe { self.0.add(index) }
    }
}

/// A buffer of `floats` that `write` fills completely.
pub fn fill(floats: usize, write: impl FnOnce(Shared)) -> Vec<f32> {
    let mut buffer = Vec::<f32>::with_capacity(floats);
    write(Shared(buffer.as_mut_ptr()));
    // SAFETY: `write` has set every element.
    unsafe { buffer.set_len(floats) };
    buffer
}
