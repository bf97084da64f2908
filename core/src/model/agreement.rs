//! Tests: the CPU's own kernels and the compositions of Burn's operations, which other devices use, give the same values and
//! the same gradients.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::activation::{self, Activation};
use super::attention::{self, Angles};
use super::conv::{self, Options};
use super::{depthwise, layer_norm, norm, pool};
use crate::random::{Keyed, Purpose};

/// Computes both functions of the same random operands, and compares their outputs and the gradients of a weighted sum of them.
#[track_caller]
fn compare<const N: usize>(
    shapes: [&[usize]; N],
    one: impl Fn([Tensor<1>; N]) -> Tensor<4>,
    two: impl Fn([Tensor<1>; N]) -> Tensor<4>,
) {
    let device = Device::flex().autodiff();
    let random = |number: usize, size: usize| {
        let mut random = Keyed::new(1, Purpose::Init, 0, number as u64);
        let floats: Vec<f32> = (0..size).map(|_| random.range(-1.0, 1.0) as f32).collect();
        Tensor::<1>::from_floats(floats.as_slice(), &device)
    };
    let run = |function: &dyn Fn([Tensor<1>; N]) -> Tensor<4>| {
        let mut number = 0;
        let leaves = shapes.map(|shape| {
            number += 1;
            random(number, shape.iter().product()).require_grad()
        });
        let output = function(leaves.clone());
        let weights = random(0, output.shape().num_elements()).reshape(output.dims());
        let gradients = (output.clone() * weights).sum().backward();
        let mut all = vec![output.into_data().try_into_vec::<f32>().unwrap()];
        all.extend(leaves.map(|leaf| leaf.grad(&gradients).unwrap().into_data().try_into_vec().unwrap()));
        all
    };
    for (number, (one, two)) in run(&one).iter().zip(&run(&two)).enumerate() {
        assert_eq!(one.len(), two.len());
        let largest = two.iter().fold(1.0, |largest: f32, value| largest.max(value.abs()));
        for (one, two) in one.iter().zip(two) {
            assert!((one - two).abs() <= 2e-5 * largest, "{number}: {one} {two}");
        }
    }
}

#[test]
fn convolutions_agree() {
    // Kernel, stride, height, width, channels in and out, output biases, ReLU.
    let cases = [
        (1, 1, 5, 4, 3, 7, 1, false),
        (1, 1, 4, 4, 8, 5, 5, true),
        (1, 2, 7, 5, 4, 6, 1, false),
        (3, 1, 6, 5, 5, 4, 4, true),
        (3, 2, 8, 7, 3, 5, 1, true),
        (7, 2, 11, 12, 3, 4, 1, true),
    ];
    for (kernel, stride, height, width, inputs, outputs, biases, relu) in cases {
        let options = Options { stride, padding: kernel / 2, relu };
        let images = [2, height, width, inputs];
        let weights = [kernel, kernel, inputs, outputs];
        let result = [2, height.div_ceil(stride), width.div_ceil(stride), outputs];
        compare(
            [&images, &weights, &[1], &[biases], &result],
            |[x, w, before, after, add]| {
                let (x, w) = (x.reshape(images), w.reshape(weights));
                conv::conv(x, w, before, after, Some(add.reshape(result)), options)
            },
            |[x, w, before, after, add]| {
                let (x, w) = (x.reshape(images), w.reshape(weights));
                conv::composed::conv(x, w, before, after, Some(add.reshape(result)), options)
            },
        );
    }
}

#[test]
fn max_poolings_agree() {
    for images in [[2, 6, 6, 3], [1, 7, 5, 4], [1, 1, 1, 2]] {
        compare([&images], |[x]| pool::max_pool(x.reshape(images)), |[x]| pool::composed(x.reshape(images)));
    }
}

#[test]
fn normalisations_agree() {
    let images = [3, 4, 5, 6];
    for is_relu in [false, true] {
        compare(
            [&images, &[6], &[6], &images],
            |[x, weight, bias, add]| {
                let x = x.reshape(images);
                let moments = Tensor::from_inner(norm::moments(x.clone().inner()));
                norm::normalize(x, weight, bias, moments, Some(add.reshape(images)), is_relu)
            },
            |[x, weight, bias, add]| {
                let add = Some(add.reshape(images));
                norm::composed::normalize(x.reshape(images), weight, bias, add, is_relu)
            },
        );
    }
    let values: Vec<f32> = (0..360).map(|i| (i as f32).sin() + 3.0).collect();
    let x = Tensor::<1>::from_floats(values.as_slice(), &Device::flex()).reshape(images);
    let difference = norm::moments(x.clone()) - norm::composed::moments(x);
    assert!(difference.abs().max().into_scalar::<f32>() < 1e-6);
}

#[test]
fn activations_agree() {
    for activation in [Activation::Gelu, Activation::GeluTanh, Activation::QuickGelu, Activation::Silu] {
        let shape = [2, 1, 5, 7];
        compare(
            [&shape],
            |[x]| activation::activate(x.reshape(shape) * 4.0, activation),
            |[x]| activation::composed(x.reshape(shape) * 4.0, activation),
        );
    }
}

#[test]
fn depthwise_convolutions_agree() {
    for images in [[2, 6, 9, 20], [1, 1, 1, 3]] {
        compare(
            [&images, &[49 * images[3]], &[images[3]]],
            |[x, w, bias]| depthwise::depthwise(x.reshape(images), w.reshape([7, 7, 1, images[3]]), bias),
            |[x, w, bias]| depthwise::composed(x.reshape(images), w.reshape([7, 7, 1, images[3]]), bias),
        );
    }
}

#[test]
fn layer_normalisations_agree() {
    let shape = [3, 1, 4, 37];
    compare(
        [&shape, &[37], &[37]],
        |[x, weight, bias]| layer_norm::layer_norm(x.reshape(shape), weight, bias, 1e-6),
        |[x, weight, bias]| layer_norm::composed(x.reshape(shape), weight, bias, 1e-6),
    );
}

#[test]
fn attentions_agree() {
    for (tokens, heads, width, is_turned) in [(5, 2, 4, false), (70, 1, 64, true), (3, 3, 6, true)] {
        let shape = [2, 1, tokens, 3 * heads * width];
        let angle = |index: usize| (index as f32 * 0.7).sin();
        let table = |of: fn(f32) -> f32| (0..tokens * width / 2).map(|index| of(angle(index))).collect();
        let angles = is_turned.then(|| Arc::new(Angles { cosines: table(f32::cos), sines: table(f32::sin) }));
        compare(
            [&shape],
            |[x]| attention::attention(x.reshape(shape), heads, angles.clone()),
            |[x]| attention::composed(x.reshape(shape), heads, angles.as_deref()),
        );
    }
}
