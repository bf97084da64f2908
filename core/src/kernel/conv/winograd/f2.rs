//! Winograd's F(2 x 2, 3 x 3) for images of 2 x 2 pixels, where all other inputs of the tile are padding.

use super::algorithm::{Algorithm, along_both_axes};
use crate::kernel::lanes::Lanes;

/// F(2 x 2, 3 x 3) of a tile whose outer inputs are zero: 9 multiplications for 4 outputs, in place of 16. Along an axis it is
/// F(2, 2) with filter and input exchanged: two outputs of two inputs and three weights, by three multiplications.
#[derive(Clone, Copy)]
pub struct F2;

impl Algorithm for F2 {
    const INPUT: usize = 2;
    const PRODUCTS: usize = 3;
    const OUTPUT: usize = 2;
    const BEFORE: usize = 0;

    #[inline(always)]
    fn transform_input<L: Lanes>(self, read: impl Fn(usize, usize) -> L, mut write: impl FnMut(usize, L)) {
        along_both_axes!(read, input: 2 to 3, |y: usize, x: usize, value| write(y * Self::PRODUCTS + x, value));
    }

    #[inline(always)]
    fn transform_filter<L: Lanes>(self, read: impl Fn(usize, usize) -> L, mut write: impl FnMut(usize, L)) {
        along_both_axes!(read, filter: 3 to 3, |y: usize, x: usize, value| write(y * Self::PRODUCTS + x, value));
    }

    #[inline(always)]
    fn transform_output<L: Lanes>(self, read: impl Fn(usize) -> L, write: impl FnMut(usize, usize, L)) {
        along_both_axes!(|y: usize, x: usize| read(y * Self::PRODUCTS + x), output: 3 to 2, write);
    }
}

#[inline(always)]
fn input<L: Lanes>(x: [L; 2]) -> [L; 3] {
    [x[0], x[0] + x[1], x[1]]
}

#[inline(always)]
fn filter<L: Lanes>(w: [L; 3]) -> [L; 3] {
    [w[0] - w[1], w[1], w[2] - w[1]]
}

#[inline(always)]
fn output<L: Lanes>(m: [L; 3]) -> [L; 2] {
    [m[1] + m[2], m[1] + m[0]]
}

#[cfg(test)]
mod tests {
    use super::super::algorithm::tests::check;
    use super::*;

    #[test]
    fn f2_is_the_convolution() {
        check(F2);
    }
}
