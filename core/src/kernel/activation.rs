//! Smooth activation functions and their derivatives, element by element.

use std::f32::consts::{FRAC_2_SQRT_PI, SQRT_2};

use rayon::prelude::*;

use super::exp::exp;
use super::tile::{Kernel, Work, with_widest};

/// Floats of one task.
const CHUNK: usize = 1 << 14;

/// A smooth activation function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x * Phi(x)`, Phi the distribution function of the normal distribution (Hendrycks and Gimpel 2016; PyTorch's `GELU()`).
    Gelu,
    /// GELU's approximation by a hyperbolic tangent (PyTorch's `GELU(approximate="tanh")`).
    GeluTanh,
    /// `x * sigmoid(1.702 x)` (OpenAI's CLIP).
    QuickGelu,
    /// `x * sigmoid(x)` (PyTorch's `SiLU`).
    Silu,
}

/// The activations of some values.
pub fn forward(activation: Activation, values: &[f32]) -> Vec<f32> {
    match activation {
        Activation::Gelu => map::<Gelu>(values),
        Activation::GeluTanh => map::<GeluTanh>(values),
        Activation::QuickGelu => map::<QuickGelu>(values),
        Activation::Silu => map::<Silu>(values),
    }
}

/// The gradient of the values from that of their activations.
pub fn gradient(activation: Activation, values: &[f32], mut gradient: Vec<f32>) -> Vec<f32> {
    match activation {
        Activation::Gelu => scale::<Gelu>(values, &mut gradient),
        Activation::GeluTanh => scale::<GeluTanh>(values, &mut gradient),
        Activation::QuickGelu => scale::<QuickGelu>(values, &mut gradient),
        Activation::Silu => scale::<Silu>(values, &mut gradient),
    }
    gradient
}

/// A function of one variable.
trait Curve: Sync {
    fn value(x: f32) -> f32;

    fn slope(x: f32) -> f32;
}

struct Gelu;
struct GeluTanh;
struct QuickGelu;
struct Silu;

impl Curve for Gelu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * normal(x).0
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let (distribution, density) = normal(x);
        distribution + x * density
    }
}

impl Curve for GeluTanh {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * sigmoid(tanh_argument(x))
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let share = sigmoid(tanh_argument(x));
        share + x * share * (1.0 - share) * (SCALE + 3.0 * SCALE * CUBIC * x * x)
    }
}

impl Curve for QuickGelu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * sigmoid(1.702 * x)
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let share = sigmoid(1.702 * x);
        share + 1.702 * x * share * (1.0 - share)
    }
}

impl Curve for Silu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * sigmoid(x)
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let share = sigmoid(x);
        share + x * share * (1.0 - share)
    }
}

/// `2 sqrt(2 / pi)`.
const SCALE: f32 = FRAC_2_SQRT_PI * SQRT_2;
/// The cubic term of GELU's approximation.
const CUBIC: f32 = 0.044_715;

/// `(1 + tanh(u)) / 2` is `sigmoid(2 u)`; this is `2 u`.
#[inline(always)]
fn tanh_argument(x: f32) -> f32 {
    SCALE * (x + CUBIC * x * x * x)
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Distribution function and density of the standard normal distribution.
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    /// `Phi(-t) e^(t^2 / 2)` for t >= 0 as a polynomial in `q = 1 / (1 + 0.21 t)` without a constant term: a fit of least relative
    /// error, 2e-8.
    const FIT: [f32; 9] = [
        0.083_711_58,
        0.085_068_844,
        0.069_192_246,
        0.124_872_45,
        -0.093_924_61,
        0.349_400_25,
        -0.330_252_83,
        0.283_588_35,
        -0.071_656_28,
    ];
    let t = x.abs();
    let bell = exp(-0.5 * t * t);
    let q = 1.0 / (1.0 + 0.21 * t);
    let sum = FIT.iter().rev().fold(0.0, |sum, factor| (sum + factor) * q);
    let tail = sum * bell;
    let distribution = if x > 0.0 { 1.0 - tail } else { tail };
    (distribution, bell * (0.5 * FRAC_2_SQRT_PI / SQRT_2))
}

fn map<C: Curve>(values: &[f32]) -> Vec<f32> {
    let mut output = vec![0.0; values.len()];
    output.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(output, values)| {
        with_widest(Map { values, output, combine: |x: f32, _: f32| C::value(x) });
    });
    output
}

fn scale<C: Curve>(values: &[f32], gradient: &mut [f32]) {
    gradient.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(output, values)| {
        with_widest(Map { values, output, combine: |x: f32, gradient: f32| C::slope(x) * gradient });
    });
}

/// Writes `combine(value, output)` over the output.
struct Map<'a, F> {
    values: &'a [f32],
    output: &'a mut [f32],
    combine: F,
}

impl<F: Fn(f32, f32) -> f32> Work for Map<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        for (output, value) in self.output.iter_mut().zip(self.values) {
            *output = (self.combine)(*value, *output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Activation; 4] =
        [Activation::Gelu, Activation::GeluTanh, Activation::QuickGelu, Activation::Silu];

    #[test]
    fn values_are_pytorchs() {
        // torch.nn.functional in double precision, at these points.
        let points = [-6.0, -2.5, -1.0, -0.1, 0.0, 0.3, 1.0, 4.0];
        let right: [[f64; 8]; 4] = [
            [
                -5.919525869e-09,
                -0.0155241633,
                -0.1586552539,
                -0.0460172169,
                0.0,
                0.1853734354,
                0.8413447461,
                3.999873315,
            ],
            [
                -8.439648980e-11,
                -0.0150842661,
                -0.1588080094,
                -0.0460172496,
                0.0,
                0.1853709323,
                0.8411919906,
                3.9999297541,
            ],
            [
                -2.203535498e-04,
                -0.034986165,
                -0.1542042341,
                -0.0457552425,
                0.0,
                0.1874841443,
                0.8457957659,
                3.9955852759,
            ],
            [
                -0.0148357389,
                -0.1896454501,
                -0.2689414214,
                -0.0475020819,
                0.0,
                0.1723327628,
                0.7310585786,
                3.9280551602,
            ],
        ];
        for (activation, right) in ALL.into_iter().zip(right) {
            for (ours, right) in forward(activation, &points).iter().zip(right) {
                assert!(
                    (f64::from(*ours) - right).abs() <= 3e-7 * right.abs().max(0.01),
                    "{activation:?}: {ours} {right}"
                );
            }
        }
    }

    #[test]
    fn slopes_are_those_of_the_values() {
        let points: Vec<f32> = (-800..800).map(|step| step as f32 / 100.0 + 0.003).collect();
        for activation in ALL {
            let moved = |by: f32| forward(activation, &points.iter().map(|x| x + by).collect::<Vec<_>>());
            let slopes = gradient(activation, &points, vec![2.0; points.len()]);
            for ((slope, one), two) in slopes.iter().zip(moved(-0.01)).zip(moved(0.01)) {
                assert!(
                    (slope / 2.0 - (two - one) / 0.02).abs() < 1e-4,
                    "{activation:?}: {slope} {one} {two}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for activation in ALL {
            assert!(forward(activation, &[f32::NAN])[0].is_nan(), "{activation:?}");
            assert!(gradient(activation, &[f32::NAN], vec![1.0])[0].is_nan(), "{activation:?}");
        }
    }
}
