//! Sums of source rows times packed weights, without ever copying the source: each tile follows pointers to the
//! pixels that its windows read (an indirect convolution).

use rayon::prelude::*;

use super::view::View;
use crate::kernel::slice::{Shared, at_least, sum_lanes};
use crate::kernel::tile::{COLS, Kernel, Left, ROWS, Tile, Work, with_widest};

/// Depth of one pass over the weights: 768 rows of a panel, 192 KiB, stay in the second-level cache.
const PASS_DEPTH: usize = 768;
/// Target pixels of one task.
const TASK_PIXELS: usize = 32 * ROWS;
/// Tasks that a product is cut into at least, if it has enough columns.
pub const MIN_TASKS: usize = 16;

/// What is done with the sums of a product before they are written.
pub struct Finish<'a> {
    /// First value of every target pixel, one for each column; padded to whole panels.
    pub start: &'a [f32],
    /// Added to the sums, of the target's shape.
    pub residual: Option<&'a [f32]>,
    /// Replace negative sums by zero.
    pub relu: bool,
    /// Return the sum of all that is written.
    pub total: bool,
}

/// Writes `target[pixel][column]` for all pixels of the view, and returns their sum if `finish.total` asks for it.
///
/// `outside` is what a tap reads in the padding, `view.depth` long; `weights` as [`super::panel`] packs them;
/// `target` holds `columns` floats for each target pixel.
pub fn product(
    view: &View,
    source: &[f32],
    outside: &[f32],
    weights: &[f32],
    columns: usize,
    finish: &Finish,
    target: Shared,
) -> f64 {
    let (chunks, panels) = (view.len().div_ceil(TASK_PIXELS), columns.div_ceil(COLS));
    let panel_floats = view.taps.len() * view.depth * COLS;
    let share = panels.div_ceil(MIN_TASKS.div_ceil(chunks).min(panels));
    let task = |index: usize| {
        let (chunk, first_panel) = (index % chunks, index / chunks * share);
        let pixels = chunk * TASK_PIXELS..view.len().min((chunk + 1) * TASK_PIXELS);
        let rows = Rows::new(view, source, outside, pixels);
        let some = first_panel..panels.min(first_panel + share);
        some.map(|panel| {
            with_widest(Panel {
                rows: &rows,
                view,
                weights: &weights[panel * panel_floats..],
                first_column: panel * COLS,
                columns,
                finish,
                target,
            })
        })
        .sum()
    };
    let sums: Vec<f64> = (0..panels.div_ceil(share) * chunks).into_par_iter().map(task).collect();
    sums.iter().sum()
}

/// Some target pixels and where their windows start.
struct Rows {
    /// Index of each target pixel.
    targets: Vec<usize>,
    /// Row starts, `[tile][tap][row]`.
    starts: Vec<[*const f32; ROWS]>,
}

impl Rows {
    fn new(view: &View, source: &[f32], outside: &[f32], pixels: std::ops::Range<usize>) -> Self {
        let steps: Vec<[usize; 3]> = view.steps(pixels.start).take(pixels.len()).collect();
        let mut starts = Vec::with_capacity(steps.len().div_ceil(ROWS) * view.taps.len());
        for tile in steps.chunks(ROWS) {
            for tap in &view.taps {
                starts.push(std::array::from_fn(|row| {
                    let step = tile[row.min(tile.len() - 1)];
                    match view.source_start(step, tap) {
                        Some(start) => source[start..start + view.depth].as_ptr(),
                        None => outside[..view.depth].as_ptr(),
                    }
                }));
            }
        }
        Self { targets: steps.iter().map(|step| view.target_index(*step)).collect(), starts }
    }
}

/// All tiles of one panel, in passes over the depth that keep the weights in the cache.
struct Panel<'a> {
    rows: &'a Rows,
    view: &'a View,
    weights: &'a [f32],
    first_column: usize,
    columns: usize,
    finish: &'a Finish<'a>,
    target: Shared,
}

impl Work for Panel<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<K: Kernel>(self) -> f64 {
        let Self { rows, view, weights: panel, first_column, columns, finish, target } = self;
        let width = COLS.min(columns - first_column);
        let passes = passes(view.taps.len(), view.depth);
        let mut sum = 0.0;
        for (number, pass) in passes.iter().enumerate() {
            let weights = &panel[(pass.taps.start * view.depth + pass.first) * COLS..];
            assert!(weights.len() >= pass.taps.len() * pass.depth * COLS, "weights cover the pass");
            for (index, targets) in rows.targets.chunks(ROWS).enumerate() {
                // Products alone are summed first: beside a large residual their last bits would be lost.
                let mut tile = Tile([[0.0; COLS]; ROWS]);
                let taps = &rows.starts[index * view.taps.len()..][pass.taps.clone()];
                let left = Left { taps, first: pass.first, depth: pass.depth, step: 1 };
                // SAFETY: each start is followed by `view.depth` floats, and the weights cover the pass.
                unsafe { K::multiply(left, weights.as_ptr(), &mut tile) };
                let last = number + 1 == passes.len();
                for (row, pixel) in tile.0.iter_mut().zip(targets) {
                    let place = pixel * columns + first_column;
                    if number > 0 {
                        let mut earlier = [0.0; COLS];
                        // SAFETY: pixel and columns lie in the target, and belong to this task.
                        unsafe { target.at(place).copy_to(earlier.as_mut_ptr(), width) };
                        add(row, &earlier);
                    }
                    if last {
                        add(row, &finish.start[first_column..first_column + COLS]);
                        if let Some(residual) = finish.residual {
                            add(row, &residual[place..place + width]);
                        }
                        if finish.relu {
                            row.iter_mut().for_each(|value| *value = at_least(0.0, *value));
                        }
                        if finish.total {
                            sum += f64::from(sum_lanes(&row[..width]));
                        }
                    }
                    // SAFETY: pixel and columns lie in the target, and belong to this task.
                    unsafe { row.as_ptr().copy_to(target.at(place), width) };
                }
            }
        }
        sum
    }
}

#[inline(always)]
fn add(row: &mut [f32], more: &[f32]) {
    row.iter_mut().zip(more).for_each(|(value, more)| *value += more);
}

/// Part of the depth: some taps, and of each the floats `first..first + depth`.
struct Pass {
    taps: std::ops::Range<usize>,
    first: usize,
    depth: usize,
}

/// Cuts `taps * depth` into passes of about [`PASS_DEPTH`]; at least one, so that a product without taps is written too.
fn passes(taps: usize, depth: usize) -> Vec<Pass> {
    if taps > 0 && depth > PASS_DEPTH {
        let share = depth.div_ceil(depth.div_ceil(PASS_DEPTH));
        return (0..taps)
            .flat_map(|tap| {
                (0..depth).step_by(share).map(move |first| Pass {
                    taps: tap..tap + 1,
                    first,
                    depth: share.min(depth - first),
                })
            })
            .collect();
    }
    let count = (taps * depth).div_ceil(PASS_DEPTH).max(1);
    let share = taps.div_ceil(count).max(1);
    (0..taps.max(1))
        .step_by(share)
        .map(|first| Pass { taps: first..taps.min(first + share), first: 0, depth })
        .collect()
}
