//! Winograd's F(4 x 4, 3 x 3): 36 multiplications for 16 outputs, in place of 144.

use super::algorithm::{Algorithm, along_both_axes};
use crate::kernel::lanes::Lanes;

/// F(4 x 4, 3 x 3), with polynomials evaluated at 0, ±3/4, ±3/2 and infinity. At these points the rounding error is half of that
/// at the usual 0, ±1, ±2 and infinity.
#[derive(Clone, Copy)]
pub struct F4;

impl Algorithm for F4 {
    const INPUT: usize = 6;
    const PRODUCTS: usize = 6;
    const OUTPUT: usize = 4;
    const BEFORE: usize = 1;

    #[inline(always)]
    fn transform_input<L: Lanes>(self, read: impl Fn(usize, usize) -> L, mut write: impl FnMut(usize, L)) {
        along_both_axes!(read, input: 6 to 6, |y: usize, x: usize, value| write(y * Self::PRODUCTS + x, value));
    }

    #[inline(always)]
    fn transform_filter<L: Lanes>(self, read: impl Fn(usize, usize) -> L, mut write: impl FnMut(usize, L)) {
        along_both_axes!(read, filter: 3 to 6, |y: usize, x: usize, value| write(y * Self::PRODUCTS + x, value));
    }

    #[inline(always)]
    fn transform_output<L: Lanes>(self, read: impl Fn(usize) -> L, write: impl FnMut(usize, usize, L)) {
        along_both_axes!(|y: usize, x: usize| read(y * Self::PRODUCTS + x), output: 6 to 4, write);
    }
}

/// The two points and their squares.
const A: f32 = 0.75;
const B: f32 = 1.5;
const AA: f32 = A * A;
const BB: f32 = B * B;

#[inline(always)]
fn input<L: Lanes>(x: [L; 6]) -> [L; 6] {
    let even = [x[2].times_plus(-BB, x[4]), x[2].times_plus(-AA, x[4])];
    let odd = [x[1].times_plus(-BB, x[3]), x[1].times_plus(-AA, x[3])];
    [
        x[0].times_plus(AA * BB, x[2].times_plus(-AA - BB, x[4])),
        odd[0].times_plus(A, even[0]),
        odd[0].times_plus(-A, even[0]),
        odd[1].times_plus(B, even[1]),
        odd[1].times_plus(-B, even[1]),
        x[1].times_plus(AA * BB, x[3].times_plus(-AA - BB, x[5])),
    ]
}

#[inline(always)]
fn filter<L: Lanes>(w: [L; 3]) -> [L; 6] {
    const SCALES: [f32; 2] = [0.5 / (AA * (AA - BB)), 0.5 / (BB * (BB - AA))];
    let even = [w[2].times_plus(AA, w[0]) * SCALES[0], w[2].times_plus(BB, w[0]) * SCALES[1]];
    let odd = [w[1] * (A * SCALES[0]), w[1] * (B * SCALES[1])];
    [w[0] * (1.0 / (AA * BB)), even[0] + odd[0], even[0] - odd[0], even[1] + odd[1], even[1] - odd[1], w[2]]
}

#[inline(always)]
fn output<L: Lanes>(m: [L; 6]) -> [L; 4] {
    let even = [m[1] + m[2], m[3] + m[4]];
    let odd = [m[1] - m[2], m[3] - m[4]];
    [
        m[0] + even[0] + even[1],
        odd[0].times_plus(A, odd[1] * B),
        even[0].times_plus(AA, even[1] * BB),
        odd[0].times_plus(A * AA, odd[1].times_plus(B * BB, m[5])),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::algorithm::tests::check;
    use super::*;

    #[test]
    fn f4_is_the_convolution() {
        check(F4);
    }
}
