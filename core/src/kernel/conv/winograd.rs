//! Convolutions with windows of 3 x 3 by Winograd's algorithms, which multiply less often: each input tile and each filter is
//! transformed, the transformed values are multiplied (a product of two matrices for each position in a tile), and the sums are
//! transformed to an output tile.

mod algorithm;
mod f2;
mod f4;

use std::ops::Range;

use rayon::prelude::*;

use self::algorithm::Algorithm;
use self::f2::F2;
use self::f4::F4;
use super::geometry::Geometry;
use super::product::{Finish, MIN_TASKS};
use crate::kernel::lanes::{CacheLine, LANES, Lanes};
use crate::kernel::slice::{Shared, sum_lanes};
use crate::kernel::tile::{COLS, Kernel, Left, ROWS, Tile, Work, with_widest};

/// Weights of a filter for one pair of channels.
const WINDOW: usize = 9;
/// Vectors of 16 floats in a row of a panel.
const PANEL: usize = COLS / LANES;
/// With fewer tiles, transforming the filters takes longer than it saves.
const MIN_TILES: usize = 48;
/// Cache lines between the transformed tiles of two positions; without them all positions would share the same sets of the cache.
const GAP: usize = 1;
/// Largest side of an input tile.
const MAX_INPUT: usize = 6;

/// Whether Winograd's algorithms multiply so much less often for these shapes that it pays for the transforms.
pub fn is_faster(g: &Geometry) -> bool {
    if (g.kernel, g.stride, g.padding) != (3, 1, 1) || !g.in_channels.is_multiple_of(LANES) {
        return false;
    }
    let tiles = g.height.div_ceil(F4::OUTPUT) * g.width.div_ceil(F4::OUTPUT);
    // Multiplications of a direct convolution for one pair of channels, without those by the padding.
    let direct = (3 * g.height).saturating_sub(2) * (3 * g.width).saturating_sub(2);
    let products = F4::PRODUCTS * F4::PRODUCTS;
    g.batch * tiles >= MIN_TILES && (is_two_by_two(g) || 3 * products * tiles <= 2 * direct)
}

fn is_two_by_two(g: &Geometry) -> bool {
    (g.height, g.width) == (2, 2)
}

/// Writes the convolution of `images + input_bias`, zero-padded after the addition, to `target`, and returns the sum of all that
/// is written if `finish.total` asks for it. For shapes that [`is_faster`] accepts.
///
/// `panels` are the filters as [`super::panel`] packs them, with nine taps row by row.
pub fn convolve(
    g: &Geometry,
    images: &[f32],
    input_bias: f32,
    panels: &[f32],
    finish: &Finish,
    target: Shared,
) -> f64 {
    if is_two_by_two(g) {
        convolve_by(F2, g, images, input_bias, panels, finish, target)
    } else {
        convolve_by(F4, g, images, input_bias, panels, finish, target)
    }
}

fn convolve_by(
    algorithm: impl Algorithm,
    g: &Geometry,
    images: &[f32],
    input_bias: f32,
    panels: &[f32],
    finish: &Finish,
    target: Shared,
) -> f64 {
    let filters = transform_filters(algorithm, panels, g.in_channels);
    let outside = vec![-input_bias; g.in_channels];
    let convolution = Convolution {
        algorithm,
        g,
        images,
        input_bias,
        outside: &outside,
        filters: &filters,
        finish,
        target,
    };
    let (tiles, panels) =
        (g.batch * convolution.tile_rows() * convolution.tile_columns(), g.out_channels.div_ceil(COLS));
    // With more channels more tiles share a task, so that the filters, which no cache holds, are read less often.
    let block = (g.in_channels / COLS).clamp(1, 4) * 4 * ROWS;
    let blocks = tiles.div_ceil(block);
    let share = panels.div_ceil(MIN_TASKS.div_ceil(blocks).min(panels));
    let task = |index: usize| {
        let (first, panel) = (index % blocks * block, index / blocks * share);
        with_widest(Task {
            convolution: &convolution,
            tiles: first..tiles.min(first + block),
            panels: panel..panels.min(panel + share),
        })
    };
    let sums: Vec<f64> = (0..panels.div_ceil(share) * blocks).into_par_iter().map(task).collect();
    sums.iter().sum()
}

struct Convolution<'a, A> {
    algorithm: A,
    g: &'a Geometry,
    images: &'a [f32],
    input_bias: f32,
    /// What is read in the padding: with the input bias it is zero.
    outside: &'a [f32],
    /// Transformed filters, `[panel][position][in][64]`.
    filters: &'a [CacheLine],
    finish: &'a Finish<'a>,
    target: Shared,
}

impl<A: Algorithm> Convolution<'_, A> {
    /// Tiles along an image's height.
    fn tile_rows(&self) -> usize {
        self.g.height.div_ceil(A::OUTPUT)
    }

    /// Tiles along an image's width.
    fn tile_columns(&self) -> usize {
        self.g.width.div_ceil(A::OUTPUT)
    }

    /// The image of a tile, and the row and column of its first output.
    fn origin(&self, tile: usize) -> [usize; 3] {
        let (rows, columns) = (self.tile_rows(), self.tile_columns());
        [tile / (rows * columns), tile / columns % rows * A::OUTPUT, tile % columns * A::OUTPUT]
    }

    /// Transforms an input tile and writes it: `[in]` for each position, `stride` cache lines apart.
    ///
    /// # Safety
    /// The machine has the instructions of `L`.
    #[inline(always)]
    unsafe fn transform_input<L: Lanes>(&self, tile: usize, transformed: &mut [CacheLine], stride: usize) {
        let Geometry { height, width, in_channels, .. } = *self.g;
        let [image, top, left] = self.origin(tile);
        let mut pixels = [[std::ptr::null::<[f32; LANES]>(); MAX_INPUT]; MAX_INPUT];
        for (y, row) in pixels.iter_mut().enumerate().take(A::INPUT) {
            for (x, pixel) in row.iter_mut().enumerate().take(A::INPUT) {
                let (y, x) = ((top + y).wrapping_sub(A::BEFORE), (left + x).wrapping_sub(A::BEFORE));
                let floats = if y < height && x < width {
                    &self.images[((image * height + y) * width + x) * in_channels..][..in_channels]
                } else {
                    self.outside
                };
                *pixel = floats.as_ptr().cast();
            }
        }
        let lines = in_channels / LANES;
        assert!(
            transformed.len() >= (A::PRODUCTS * A::PRODUCTS - 1) * stride + lines,
            "there is a cache line for each position"
        );
        // SAFETY: promised by the caller.
        let bias = unsafe { L::load(&[self.input_bias; LANES]) };
        for line in 0..lines {
            self.algorithm.transform_input(
                // SAFETY: promised by the caller; a pixel has `in_channels` floats.
                |y, x| unsafe { L::load(&*pixels[y][x].add(line)) } + bias,
                |position, value: L| {
                    // SAFETY: asserted above.
                    let target = unsafe { transformed.get_unchecked_mut(position * stride + line) };
                    value.store(&mut target.0);
                },
            );
        }
    }

    /// Transforms one panel of a tile's products to outputs, and writes them. `products` has those of a position every `stride`
    /// tiles. Returns the sum of the outputs if it is asked for.
    ///
    /// # Safety
    /// The machine has the instructions of `L`.
    #[inline(always)]
    unsafe fn write_output<L: Lanes>(
        &self,
        tile: usize,
        panel: usize,
        products: &[Tile],
        row: usize,
        stride: usize,
    ) -> f64 {
        let Geometry { height, width, out_channels, .. } = *self.g;
        let Finish { start, residual, relu, total } = *self.finish;
        let [image, top, left] = self.origin(tile);
        assert!(
            products.len() > (A::PRODUCTS * A::PRODUCTS - 1) * stride,
            "there is a product for each position"
        );
        let mut sum = 0.0;
        for part in 0..PANEL {
            let column = panel * COLS + part * LANES;
            if column >= out_channels {
                break;
            }
            let columns = LANES.min(out_channels - column);
            // SAFETY: promised by the caller.
            let start = unsafe { load::<L>(&start[column..column + LANES]) };
            self.algorithm.transform_output(
                |position| {
                    // SAFETY: asserted above, and promised by the caller.
                    unsafe { L::load(&products.get_unchecked(position * stride).0[row].as_chunks().0[part]) }
                },
                |y, x, value: L| {
                    if y >= height - top || x >= width - left {
                        return;
                    }
                    let pixel = (image * height + top + y) * width + left + x;
                    let place = pixel * out_channels + column;
                    let mut value = value + start;
                    if let Some(residual) = residual {
                        // SAFETY: promised by the caller.
                        value = value + unsafe { load(&residual[place..place + columns]) };
                    }
                    if relu {
                        value = value.relu();
                    }
                    let mut floats = [0.0; LANES];
                    value.store(&mut floats);
                    if total {
                        sum += f64::from(sum_lanes(&floats[..columns]));
                    }
                    // SAFETY: pixel and columns lie in the target, and belong to this task.
                    unsafe {
                        let target = self.target.at(place);
                        if columns == LANES {
                            target.cast::<[f32; LANES]>().write(floats);
                        } else {
                            floats.as_ptr().copy_to(target, columns);
                        }
                    }
                },
            );
        }
        sum
    }
}

/// Up to 16 values, then zeros.
///
/// # Safety
/// The machine has the instructions.
#[inline(always)]
unsafe fn load<L: Lanes>(values: &[f32]) -> L {
    let mut floats = [0.0; LANES];
    match values.first_chunk() {
        Some(values) => floats = *values,
        None => floats[..values.len()].copy_from_slice(values),
    }
    // SAFETY: promised by the caller.
    unsafe { L::load(&floats) }
}

/// Some tiles and some panels of a convolution.
struct Task<'a, 'b, A> {
    convolution: &'a Convolution<'b, A>,
    tiles: Range<usize>,
    panels: Range<usize>,
}

impl<A: Algorithm> Work for Task<'_, '_, A> {
    type Output = f64;

    #[inline(always)]
    fn run<K: Kernel>(self) -> f64 {
        let Self { convolution, tiles, panels } = self;
        let (depth, positions) = (convolution.g.in_channels, A::PRODUCTS * A::PRODUCTS);
        let (lines, groups) = (depth / LANES, tiles.len().div_ceil(ROWS));
        let stride = tiles.len() * lines + GAP;
        let mut transformed = vec![CacheLine([0.0; LANES]); positions * stride];
        for (number, tile) in tiles.clone().enumerate() {
            // SAFETY: `with_widest` chose the kernel for this machine.
            unsafe {
                convolution.transform_input::<K::Lanes>(tile, &mut transformed[number * lines..], stride)
            };
        }
        let mut products: Vec<Tile> = (0..positions * groups).map(|_| Tile([[0.0; COLS]; ROWS])).collect();
        let mut sum = 0.0;
        for panel in panels {
            for (position, products) in products.chunks_exact_mut(groups).enumerate() {
                let filters =
                    &convolution.filters[(panel * positions + position) * depth * PANEL..][..depth * PANEL];
                let rows = &transformed[position * stride..][..tiles.len() * lines];
                for (group, product) in products.iter_mut().enumerate() {
                    // The last group repeats the last tile, and the products of the repetitions are not read.
                    let row = |row: usize| (group * ROWS + row).min(tiles.len() - 1) * lines;
                    let taps = [std::array::from_fn(|r| rows[row(r)..row(r) + lines].as_ptr().cast())];
                    *product = Tile([[0.0; COLS]; ROWS]);
                    let left = Left { taps: &taps, first: 0, depth, step: 1 };
                    // SAFETY: each row holds `depth` floats, and the filters as many rows of 64.
                    unsafe { K::multiply(left, filters.as_ptr().cast(), product) };
                }
            }
            for (number, tile) in tiles.clone().enumerate() {
                let (products, row) = (&products[number / ROWS..], number % ROWS);
                // SAFETY: `with_widest` chose the kernel for this machine.
                sum += unsafe { convolution.write_output::<K::Lanes>(tile, panel, products, row, groups) };
            }
        }
        sum
    }
}

/// `[panel][tap][in][64]` to `[panel][position][in][64]`.
fn transform_filters<A: Algorithm>(algorithm: A, panels: &[f32], depth: usize) -> Vec<CacheLine> {
    let (lines, positions) = (depth * PANEL, A::PRODUCTS * A::PRODUCTS);
    let (panels, _) = panels.as_chunks();
    let mut transformed = vec![CacheLine([0.0; LANES]); panels.len() / WINDOW * positions];
    transformed
        .par_chunks_exact_mut(positions * lines)
        .zip(panels.par_chunks_exact(WINDOW * lines))
        .for_each(|(transformed, panel)| with_widest(Filters { algorithm, panel, transformed }));
    transformed
}

/// The filters of one panel.
struct Filters<'a, A> {
    algorithm: A,
    panel: &'a [[f32; LANES]],
    transformed: &'a mut [CacheLine],
}

impl<A: Algorithm> Work for Filters<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let Self { algorithm, panel, transformed } = self;
        let lines = panel.len() / WINDOW;
        for line in 0..lines {
            algorithm.transform_filter(
                // SAFETY: `with_widest` chose the kernel for this machine.
                |y, x| unsafe { K::Lanes::load(&panel[(3 * y + x) * lines + line]) },
                |position, value: K::Lanes| value.store(&mut transformed[position * lines + line].0),
            );
        }
    }
}
