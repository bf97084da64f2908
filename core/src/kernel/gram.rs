//! Products of all rows of a matrix with one another, by the micro-kernel: each product once, since the result is symmetric.

use rayon::prelude::*;

use super::tile::{COLS, Kernel, Left, ROWS, Tile, Work, with_widest};

/// Columns of one pass: 192 KiB of a panel stay in the second-level cache.
const PASS_DEPTH: usize = 768;
/// Rows of one task.
const TASK_ROWS: usize = 8 * ROWS;

/// Adds `X X^T` to the lower triangle of `sums`; what lies above it is undefined. Products of up to 768 columns are summed in
/// single precision, these in double.
///
/// # Shapes
/// - matrix: `[count, width]`, row-major
/// - sums: `[count, count]`
pub fn add_gram(matrix: &[f32], count: usize, sums: &mut [f64]) {
    let width = matrix.len() / count.max(1);
    let mut panels = vec![0.0; count.div_ceil(COLS) * PASS_DEPTH.min(width) * COLS];
    for first in (0..width).step_by(PASS_DEPTH) {
        let depth = PASS_DEPTH.min(width - first);
        panels.par_chunks_exact_mut(depth * COLS).zip(matrix.par_chunks(COLS * width)).for_each(
            |(panel, rows)| {
                // A few columns at a time, so that both sides stay in the cache.
                for (part, panel) in panel.chunks_mut(16 * COLS).enumerate() {
                    for (column, row) in rows.chunks_exact(width).enumerate() {
                        let values = &row[first + 16 * part..];
                        for (value, row) in values.iter().zip(panel.chunks_exact_mut(COLS)) {
                            row[column] = *value;
                        }
                    }
                }
            },
        );
        let panels = &panels[..];
        sums.par_chunks_mut(TASK_ROWS * count).enumerate().for_each(|(task, sums)| {
            with_widest(Rows {
                matrix,
                width,
                count,
                first,
                depth,
                panels,
                first_row: task * TASK_ROWS,
                sums,
            });
        });
    }
}

/// The products of some rows with all rows up to themselves, over some columns.
struct Rows<'a> {
    matrix: &'a [f32],
    width: usize,
    count: usize,
    first: usize,
    depth: usize,
    panels: &'a [f32],
    first_row: usize,
    sums: &'a mut [f64],
}

impl Work for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let Self { matrix, width, count, first, depth, panels, first_row, sums } = self;
        let rows = sums.len() / count;
        for (number, panel) in panels.chunks_exact(depth * COLS).enumerate() {
            let column = number * COLS;
            // This and all further columns lie above the diagonal.
            if column >= first_row + rows {
                break;
            }
            for top in (0..rows).step_by(ROWS) {
                if column >= first_row + top + ROWS {
                    continue;
                }
                // The last tile repeats the last row, and the sums of the repetitions are not read.
                let start = |row: usize| (first_row + (top + row).min(rows - 1)) * width;
                let taps = [std::array::from_fn(|row| matrix[start(row)..start(row) + width].as_ptr())];
                let mut tile = Tile([[0.0; COLS]; ROWS]);
                // SAFETY: `with_widest` chose the kernel for this machine; rows are `width` long, at least `first + depth`, and
                // the panel holds `depth * 64` floats.
                unsafe {
                    K::multiply(Left { taps: &taps, first, depth, step: 1 }, panel.as_ptr(), &mut tile)
                };
                let used = COLS.min(count - column);
                for (products, sums) in tile.0.iter().zip(sums[top * count..].chunks_mut(count)) {
                    for (product, sum) in products[..used].iter().zip(&mut sums[column..]) {
                        *sum += f64::from(*product);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_added_whatever_the_sizes() {
        for (count, width) in [(1, 1), (5, 3), (67, 20), (130, 1600)] {
            let matrix: Vec<f32> = (0..count * width).map(|i| ((i * 37) % 11) as f32 - 5.0).collect();
            let mut sums = vec![1.0; count * count];
            add_gram(&matrix, count, &mut sums);
            let row = |i: usize| &matrix[i * width..(i + 1) * width];
            for i in 0..count {
                for j in 0..=i {
                    let product: f32 = row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
                    assert_eq!(sums[i * count + j], 1.0 + f64::from(product), "{count} x {width}: {i}, {j}");
                }
            }
        }
    }
}
