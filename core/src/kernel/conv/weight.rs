//! The gradient of the weights: for each kernel position, source pixels times output gradients, summed over pixels.

use std::ops::Range;

use rayon::prelude::*;

use super::view::{Tap, View};
use crate::kernel::tile::{COLS, Kernel, Left, ROWS, Tile, Work, with_widest};

/// Pixels that are gathered and multiplied at once; 64 columns of them are 64 KiB.
const SPAN: usize = 256;
/// Source channels of one task at most and at least: whole tiles, and enough work to pay for gathering.
const SHARES: [usize; 2] = [32 * ROWS, 4 * ROWS];
/// Panels of one task at most: they use the gathered source together.
const GROUP: usize = 4;
/// Tasks that the gradient is cut into at least, if it has enough channels.
const MIN_TASKS: usize = 16;
/// Pixels of a partial sum at least, and floats of all partial sums at most.
const PARTIAL: [usize; 2] = [2048, 1 << 21];

/// `gradient[tap][channel][column] = start[column] + sum over pixels of source(tap, pixel)[channel] * output[pixel][column]`,
/// `[positions, depth, columns]`; zero at positions that no tap reaches.
///
/// `output` is `[pixels of the view, columns]`, in the view's order. How the sum is cut depends on the shapes alone.
pub fn weight_gradient(
    view: &View,
    source: &[f32],
    outside: &[f32],
    output: &[f32],
    columns: usize,
    positions: usize,
    start: &[f32],
) -> Vec<f32> {
    let (panels, taps) = (columns.div_ceil(COLS), view.taps.len());
    let parts = (view.len() / PARTIAL[0]).min(PARTIAL[1] / (taps * view.depth * columns)).max(1);
    let part_pixels = view.len().div_ceil(parts).next_multiple_of(SPAN);
    let (mut share, mut group) = (SHARES[0], GROUP);
    let tasks = |share, group| parts * taps * view.depth.div_ceil(share) * panels.div_ceil(group);
    while tasks(share, group) < MIN_TASKS && share > SHARES[1] {
        if group > 1 { group /= 2 } else { share /= 2 }
    }
    let (shares, groups) = (view.depth.div_ceil(share), panels.div_ceil(group));
    let blocks: Vec<Block> = (0..parts * taps * shares * groups)
        .map(|index| {
            let (part, tap) = (index / groups / shares / taps, index / groups / shares % taps);
            let (first, panel) = (index / groups % shares * share, index % groups * group);
            Block {
                view,
                tap: &view.taps[tap],
                pixels: part * part_pixels..view.len().min((part + 1) * part_pixels),
                channels: first..view.depth.min(first + share),
                panels: panel..panels.min(panel + group),
                source,
                outside,
                output,
                columns,
            }
        })
        .collect();
    let sums: Vec<Vec<Tile>> = blocks.par_iter().map(with_widest).collect();

    let mut gradient = vec![0.0; positions * view.depth * columns];
    for tap in &view.taps {
        let rows = &mut gradient[tap.position * view.depth * columns..][..view.depth * columns];
        rows.chunks_exact_mut(columns).for_each(|row| row.copy_from_slice(&start[..columns]));
    }
    for (block, tiles) in blocks.iter().zip(&sums) {
        block.add_to(&mut gradient, tiles);
    }
    gradient
}

/// The part of the gradient that one task computes.
struct Block<'a> {
    view: &'a View,
    tap: &'a Tap,
    pixels: Range<usize>,
    channels: Range<usize>,
    panels: Range<usize>,
    source: &'a [f32],
    outside: &'a [f32],
    output: &'a [f32],
    columns: usize,
}

impl Block<'_> {
    fn tiles_per_panel(&self) -> usize {
        self.channels.len().div_ceil(ROWS)
    }

    fn panel_columns(&self, panel: usize) -> Range<usize> {
        panel * COLS..self.columns.min((panel + 1) * COLS)
    }

    fn add_to(&self, gradient: &mut [f32], tiles: &[Tile]) {
        for (panel, tiles) in self.panels.clone().zip(tiles.chunks_exact(self.tiles_per_panel())) {
            let columns = self.panel_columns(panel);
            let rows = tiles.iter().flat_map(|tile| &tile.0);
            for (channel, row) in self.channels.clone().zip(rows) {
                let place = (self.tap.position * self.view.depth + channel) * self.columns + columns.start;
                let target = &mut gradient[place..place + columns.len()];
                target.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
        }
    }
}

impl Work for &Block<'_> {
    type Output = Vec<Tile>;

    #[inline(always)]
    fn run<K: Kernel>(self) -> Vec<Tile> {
        let tiles = self.tiles_per_panel();
        let width = tiles * ROWS;
        let mut sums: Vec<Tile> = (0..tiles * self.panels.len()).map(|_| Tile([[0.0; COLS]; ROWS])).collect();
        let mut left = vec![0.0; SPAN * width];
        let mut gathered = vec![0.0; SPAN * COLS];
        for span in self.pixels.clone().step_by(SPAN) {
            let pixels = span..self.pixels.end.min(span + SPAN);
            let steps = self.view.steps(span).take(pixels.len());
            for (step, row) in steps.zip(left.chunks_exact_mut(width)) {
                let floats = match self.view.source_start(step, self.tap) {
                    Some(start) => &self.source[start..start + self.view.depth],
                    None => self.outside,
                };
                row[..self.channels.len()].copy_from_slice(&floats[self.channels.clone()]);
            }
            for (panel, sums) in self.panels.clone().zip(sums.chunks_exact_mut(tiles)) {
                let right = if self.columns == COLS {
                    &self.output[span * COLS..]
                } else {
                    let columns = self.panel_columns(panel);
                    for (pixel, row) in pixels.clone().zip(gathered.chunks_exact_mut(COLS)) {
                        row[..columns.len()]
                            .copy_from_slice(&self.output[pixel * self.columns..][columns.clone()]);
                    }
                    &gathered
                };
                assert!(right.len() >= pixels.len() * COLS, "the right operand covers the span");
                for (index, tile) in sums.iter_mut().enumerate() {
                    let rows = std::array::from_fn(|row| left[index * ROWS + row..].as_ptr());
                    let operand = Left { taps: &[rows], first: 0, depth: pixels.len(), step: width };
                    // SAFETY: `left` holds SPAN rows of `width` floats, `right` a row of 64 for each pixel.
                    unsafe { K::multiply(operand, right.as_ptr(), tile) };
                }
            }
        }
        sums
    }
}
