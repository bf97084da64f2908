//! What Winograd's algorithms for a 3 x 3 filter have in common (Winograd 1980; for images, Lavin and Gray 2016).

use crate::kernel::lanes::Lanes;

/// Computes tiles of `OUTPUT` x `OUTPUT` outputs as `output(input(x) * filter(w))`, with `PRODUCTS` x `PRODUCTS` multiplications
/// between the transforms, element by element. The transforms are linear, and each is a one-dimensional transform along both axes.
///
/// A transform reads a tile value by value, `read(row, column)`, and hands each result to `write`. Transformed tiles are read and
/// written by position, from 0 to `PRODUCTS * PRODUCTS`.
pub trait Algorithm: Copy + Sync {
    /// Side of an input tile.
    const INPUT: usize;
    /// Side of a transformed tile.
    const PRODUCTS: usize;
    /// Side of an output tile.
    const OUTPUT: usize;
    /// Distance from the first row of an input tile to the first row of its output tile.
    const BEFORE: usize;

    /// Input tile to transformed tile.
    fn transform_input<L: Lanes>(self, read: impl Fn(usize, usize) -> L, write: impl FnMut(usize, L));

    /// 3 x 3 filter to transformed tile.
    fn transform_filter<L: Lanes>(self, read: impl Fn(usize, usize) -> L, write: impl FnMut(usize, L));

    /// Transformed tile to output tile.
    fn transform_output<L: Lanes>(self, read: impl Fn(usize) -> L, write: impl FnMut(usize, usize, L));
}

/// Applies a one-dimensional `transform` of `$a` values to `$b` to the rows of a square, then to the columns of the result. What is
/// written is transposed; after the transforms of input and output it is upright again. A macro, since a function that is passed
/// as a value is not inlined with the vector instructions of its caller.
macro_rules! along_both_axes {
    ($read:expr, $transform:ident: $a:literal to $b:literal, $write:expr) => {{
        let (read, mut write) = ($read, $write);
        let first = read(0, 0);
        let mut columns = [[first; $a]; $b];
        for y in 0..$a {
            let mut row = [first; $a];
            for (x, value) in row.iter_mut().enumerate() {
                *value = read(y, x);
            }
            for (value, column) in $transform(row).into_iter().zip(&mut columns) {
                column[y] = value;
            }
        }
        for (y, column) in columns.iter().enumerate() {
            for (x, value) in $transform(*column).into_iter().enumerate() {
                write(y, x, value);
            }
        }
    }};
}

pub(super) use along_both_axes;

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::kernel::lanes::{LANES, PortableLanes};

    /// One input and one weight that are not zero give the outputs of the convolution.
    #[track_caller]
    pub fn check<A: Algorithm>(algorithm: A) {
        let side = |side: usize| (0..side * side).map(move |place| [place / side, place % side]);
        for (pixel, tap) in side(A::INPUT).flat_map(|pixel| side(3).map(move |tap| (pixel, tap))) {
            let mut products = vec![value(0.0); A::PRODUCTS * A::PRODUCTS];
            let mut filter = products.clone();
            let only = |place: [usize; 2], number: f32| {
                move |y: usize, x: usize| value(if [y, x] == place { number } else { 0.0 })
            };
            algorithm.transform_input(only(pixel, 2.0), |position, value| products[position] = value);
            algorithm.transform_filter(only(tap, 3.0), |position, value| filter[position] = value);
            for (product, weight) in products.iter_mut().zip(filter) {
                *product = *product * number(weight);
            }
            algorithm.transform_output(
                |position| products[position],
                |y, x, output| {
                    let meets =
                        |axis: usize, output: usize| output + tap[axis] + A::BEFORE == pixel[axis] + 1;
                    let expected = if meets(0, y) && meets(1, x) { 6.0 } else { 0.0 };
                    assert!((number(output) - expected).abs() < 1e-5, "{pixel:?} {tap:?} {y} {x}");
                },
            );
        }
    }

    fn value(number: f32) -> PortableLanes {
        // SAFETY: any machine has these instructions.
        unsafe { PortableLanes::load(&[number; LANES]) }
    }

    fn number(value: PortableLanes) -> f32 {
        let mut floats = [0.0; LANES];
        value.store(&mut floats);
        floats[0]
    }
}
