//! Singular values of a convolution with circular padding (Sedghi, Gupta and Long 2019; paper section 11).

use faer::{Mat, c64};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// Singular values of an operator, or of the one block that it repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct SingularValues {
    /// From the largest to the smallest.
    pub values: Vec<f64>,
    /// How many times the operator has each of them.
    pub copies: usize,
}

impl SingularValues {
    /// How many the operator has.
    pub fn count(&self) -> usize {
        self.values.len() * self.copies
    }

    /// Those of operators of one shape beside each other, each with an input of its own.
    pub fn of_all(each: Vec<Self>) -> Self {
        let copies = each.first().map_or(1, |first| first.copies);
        let mut values: Vec<f64> = each.into_iter().flat_map(|one| one.values).collect();
        values.par_sort_unstable_by(|a, b| b.total_cmp(a));
        Self { values, copies }
    }

    /// The sum of the squares of all of them.
    pub fn sum_of_squares(&self) -> f64 {
        self.values.iter().map(|value| value * value).sum::<f64>() * self.copies as f64
    }
}

/// A kernel on the input that it is moved over.
#[derive(Debug)]
pub struct Kernel {
    out: usize,
    inputs: usize,
    /// Side of the input.
    side: usize,
    /// Row, column and `[in, out]` matrix of each tap.
    taps: Vec<(usize, usize, Vec<f64>)>,
}

impl Kernel {
    /// A kernel `[out, in, height, width]`, row-major, on inputs of `side` x `side` pixels that go on periodically. What
    /// reaches beyond such an input comes back on its other side: taps that fall on one pixel are added.
    pub fn new(weights: &[f64], [out, inputs, height, width]: [usize; 4], side: usize) -> Self {
        let (rows, columns) = (height.min(side), width.min(side));
        let tap = |number| (number / columns, number % columns, vec![0.0; inputs * out]);
        let mut taps: Vec<_> = (0..rows * columns).map(tap).collect();
        for (position, weight) in weights.iter().enumerate() {
            let (row, column) = (position / width % height, position % width);
            let (o, i) = (position / (inputs * height * width), position / (height * width) % inputs);
            taps[row % side * columns + column % side].2[i * out + o] += weight;
        }
        Self { out, inputs, side, taps }
    }

    /// The sum of its squares: the square of the operator's Frobenius norm is `side`^2 times as large.
    pub fn sum_of_squares(&self) -> f64 {
        self.taps.iter().flat_map(|(.., tap)| tap).map(|weight| weight * weight).sum()
    }

    /// All singular values of the convolution with stride 1: the union over frequencies of those of the `out` x `in` matrices
    /// of the kernel's two-dimensional Fourier transform. A real kernel has conjugate matrices at opposite frequencies, so
    /// that half of them are decomposed; a kernel of one tap has one matrix for all. `check` is asked before each and may end
    /// the work.
    ///
    /// # Errors
    /// That of `check`; [`Error::Run`] if a decomposition does not converge, which finite weights have not been seen to cause.
    pub fn singular_values(&self, check: &(dyn Fn() -> Result<()> + Sync)) -> Result<SingularValues> {
        let not_converged = |error| Error::run(format!("a singular value decomposition failed: {error:?}"));
        let frequencies = self.side * self.side;
        if let [(.., tap)] = self.taps.as_slice() {
            check()?;
            let matrix = Mat::from_fn(self.out, self.inputs, |o, i| tap[i * self.out + o]);
            let values = matrix.singular_values().map_err(not_converged)?;
            return Ok(SingularValues { values, copies: frequencies });
        }
        let roots = self.roots();
        let opposite = |frequency: usize| {
            let [row, column] = [frequency / self.side, frequency % self.side];
            (self.side - row) % self.side * self.side + (self.side - column) % self.side
        };
        let half = (0..frequencies).into_par_iter().filter(|frequency| *frequency <= opposite(*frequency));
        let parts = half.map(|frequency| {
            check()?;
            let mut values = self.transform(frequency, &roots).singular_values().map_err(not_converged)?;
            if frequency != opposite(frequency) {
                values.extend_from_within(..);
            }
            Ok(values)
        });
        let mut values = parts.collect::<Result<Vec<_>>>()?.concat();
        values.par_sort_unstable_by(|a, b| b.total_cmp(a));
        Ok(SingularValues { values, copies: 1 })
    }

    /// `exp(-2 pi i k / side)` for each `k` below `side`.
    fn roots(&self) -> Vec<c64> {
        let angle = |k| -std::f64::consts::TAU * k as f64 / self.side as f64;
        (0..self.side).map(|k| c64::new(angle(k).cos(), angle(k).sin())).collect()
    }

    /// The kernel's Fourier transform at one frequency, `[out, in]`.
    fn transform(&self, frequency: usize, roots: &[c64]) -> Mat<c64> {
        let (u, v) = (frequency / self.side, frequency % self.side);
        let mut matrix = Mat::<c64>::zeros(self.out, self.inputs);
        for (row, column, tap) in &self.taps {
            let root = roots[(u * row + v * column) % self.side];
            for (i, weights) in tap.chunks_exact(self.out).enumerate() {
                for (sum, weight) in matrix.col_as_slice_mut(i).iter_mut().zip(weights) {
                    sum.re += root.re * weight;
                    sum.im += root.im * weight;
                }
            }
        }
        matrix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(weights: &[f64], shape: [usize; 4], side: usize) -> SingularValues {
        Kernel::new(weights, shape, side).singular_values(&|| Ok(())).unwrap()
    }

    fn close(ours: f64, expected: f64) {
        assert!((ours - expected).abs() <= 1e-8 * expected.abs(), "{ours} instead of {expected}");
    }

    /// The fixtures of paper section 11.
    #[test]
    fn fixtures_hold() {
        let one = of(&[2.0, 7.0, -1.0, 1.0, 3.0, -8.0, 5.0, -3.0, 1.0], [1, 1, 3, 3], 20);
        let top = [22.91221348, 22.91221348, 22.73452631, 22.73452631, 22.59309063];
        for (ours, expected) in one.values.iter().zip(top) {
            assert!((ours - expected).abs() < 1e-8, "{ours} instead of {expected}");
        }
        assert!((one.values[399] - 0.15484142).abs() < 1e-8 && one.count() == 400);
        close(one.sum_of_squares(), 65200.0);

        // The kernel is given as [height, width, in, out].
        let at = |o, i, y, x| ((((y * 2 + x) * 2 + i) * 3 + o + 1) % 5) as f64 - 2.0;
        let weights: Vec<f64> = (0..24).map(|k| at(k / 8, k / 4 % 2, k / 2 % 2, k % 2)).collect();
        let several = of(&weights, [3, 2, 2, 2], 4);
        let top =
            [8.74792028018548, 7.752159486323781, 7.752159486323781, 7.681145747868607, 7.681145747868607];
        several.values.iter().zip(top).for_each(|(ours, expected)| close(*ours, expected));
        close(several.values[5], 6.715634835385392);
        close(several.values[31], 1.0);
        assert_eq!(several.count(), 32);
        close(several.sum_of_squares(), 736.0);
    }

    /// Beside the singular values of the whole operator, written out as one matrix: a kernel smaller than its input, one
    /// that is wider than it, and one of a single tap.
    #[test]
    fn values_are_those_of_the_dense_operator() {
        for (shape @ [out, inputs, height, width], side) in
            [([3, 2, 3, 3], 5), ([2, 3, 3, 2], 4), ([2, 2, 7, 7], 3), ([2, 3, 3, 3], 1), ([4, 3, 1, 1], 3)]
        {
            let length = out * inputs * height * width;
            let weights: Vec<f64> =
                (0..length).map(|k| ((k * k * 7 + k * 3) % 23) as f64 / 7.0 - 1.5).collect();
            let pixels = side * side;
            let mut dense = Mat::<f64>::zeros(out * pixels, inputs * pixels);
            for (position, weight) in weights.iter().enumerate() {
                let (o, i) = (position / (inputs * height * width), position / (height * width) % inputs);
                let (a, b) = (position / width % height, position % width);
                for (y, x) in (0..pixels).map(|pixel| (pixel / side, pixel % side)) {
                    let source = (y + a) % side * side + (x + b) % side;
                    dense[(o * pixels + y * side + x, i * pixels + source)] += weight;
                }
            }
            let ours = of(&weights, shape, side);
            let ours: Vec<f64> =
                ours.values.iter().flat_map(|v| std::iter::repeat_n(*v, ours.copies)).collect();
            let expected = dense.singular_values().unwrap();
            let largest = expected[0];
            assert_eq!(ours.len(), expected.len(), "{shape:?} on {side}");
            for (ours, expected) in ours.iter().zip(&expected) {
                assert!((ours - expected).abs() < 1e-12 * largest, "{shape:?} on {side}: {ours} {expected}");
            }
            let squares = Kernel::new(&weights, shape, side).sum_of_squares() * pixels as f64;
            close(ours.iter().map(|value| value * value).sum(), squares);
        }
    }
}
