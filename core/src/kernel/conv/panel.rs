//! Weights rearranged for the micro-kernel: panels of 64 columns, `[panel][tap][depth][64]`, padded with zeros.

use rayon::prelude::*;

use super::view::Tap;
use crate::kernel::tile::COLS;

/// Panels whose columns are output channels. Weights: `[position, depth, columns]`.
pub fn by_column(weights: &[f32], taps: &[Tap], depth: usize, columns: usize) -> Vec<f32> {
    pack(taps, depth, columns, |tap, first, width, block| {
        let rows = &weights[tap.position * depth * columns..][..depth * columns];
        for (row, target) in rows.chunks_exact(columns).zip(block.chunks_exact_mut(COLS)) {
            target[..width].copy_from_slice(&row[first..first + width]);
        }
    })
}

/// Panels whose columns are input channels. Weights: `[position, columns, depth]`.
pub fn by_row(weights: &[f32], taps: &[Tap], depth: usize, columns: usize) -> Vec<f32> {
    /// Side of the squares that are transposed at once, so that both sides stay in the cache.
    const SQUARE: usize = 16;
    pack(taps, depth, columns, |tap, first, width, block| {
        let rows = &weights[(tap.position * columns + first) * depth..][..width * depth];
        for k0 in (0..depth).step_by(SQUARE) {
            for c0 in (0..width).step_by(SQUARE) {
                for k in k0..depth.min(k0 + SQUARE) {
                    for c in c0..width.min(c0 + SQUARE) {
                        block[k * COLS + c] = rows[c * depth + k];
                    }
                }
            }
        }
    })
}

/// Calls `fill(tap, first column, columns, block)` for each `[depth][64]` block, in parallel.
fn pack(
    taps: &[Tap],
    depth: usize,
    columns: usize,
    fill: impl Fn(&Tap, usize, usize, &mut [f32]) + Sync,
) -> Vec<f32> {
    let block = depth * COLS;
    let mut panels = vec![0.0; columns.div_ceil(COLS) * taps.len() * block];
    panels.par_chunks_exact_mut(block.max(1)).enumerate().for_each(|(index, target)| {
        let first = index / taps.len() * COLS;
        fill(&taps[index % taps.len()], first, COLS.min(columns - first), target);
    });
    panels
}
