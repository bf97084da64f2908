//! Conversion between PyTorch's tensors and a network's flat values, whose weights are `[height, width, in, out]` in convolutions and
//! `[in, out]` in linear layers.

use burn::tensor::{Device, Tensor, TensorData};

use super::spec::Spec;
use crate::checkpoint::{NamedTensor, StateDict};

/// The tensors of a state dict on a device, one for each of `specs`; the error says in words which do not fit.
pub fn values<'a>(
    specs: impl Iterator<Item = &'a Spec> + Clone,
    state: &StateDict,
    device: &Device,
) -> Result<Vec<Tensor<1>>, String> {
    let expected = specs.clone().map(|spec| (spec.name.as_str(), spec.shape.as_slice()));
    if let Some(problems) = state.mismatch(expected) {
        return Err(problems);
    }
    let tensors = specs.filter_map(|spec| state.get(&spec.name));
    let values = tensors.map(|tensor| {
        let values = to_memory_layout(&tensor.shape, &tensor.data);
        let length = values.len();
        Tensor::from_data(TensorData::new(values, [length]), device)
    });
    Ok(values.collect())
}

/// The reverse of [`values`].
pub fn state<'a>(specs: impl Iterator<Item = &'a Spec>, values: &[Tensor<1>]) -> StateDict {
    let tensors = specs.zip(values).map(|(spec, values)| {
        let values: Vec<f32> = values.to_data().try_into_vec().expect("values are float32");
        NamedTensor {
            name: spec.name.clone(),
            shape: spec.shape.clone(),
            data: from_memory_layout(&spec.shape, &values),
        }
    });
    StateDict { tensors: tensors.collect() }
}

/// `[out, in, height, width]` to `[height, width, in, out]`, `[out, in]` to `[in, out]`; other ranks stay.
fn to_memory_layout(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let Some([out, inputs, positions]) = sizes(shape) else { return values.to_vec() };
    transpose(values, out, inputs, positions, |o, i, p| (p * inputs + i) * out + o)
}

/// The reverse of [`to_memory_layout`], to the shape given.
fn from_memory_layout(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let Some([out, inputs, positions]) = sizes(shape) else { return values.to_vec() };
    transpose(values, positions, inputs, out, |p, i, o| (o * inputs + i) * positions + p)
}

/// Outputs, inputs and positions of the kernel, of a weight.
fn sizes(shape: &[usize]) -> Option<[usize; 3]> {
    match *shape {
        [out, inputs, height, width] => Some([out, inputs, height * width]),
        [out, inputs] => Some([out, inputs, 1]),
        _ => None,
    }
}

/// Writes element `[a, b, c]` of a row-major array to the place that `place(a, b, c)` names.
fn transpose(
    values: &[f32],
    first: usize,
    second: usize,
    third: usize,
    place: impl Fn(usize, usize, usize) -> usize,
) -> Vec<f32> {
    let mut moved = vec![0.0; values.len()];
    let mut values = values.iter();
    for a in 0..first {
        for b in 0..second {
            for (c, value) in (0..third).zip(&mut values) {
                moved[place(a, b, c)] = *value;
            }
        }
    }
    moved
}
