//! Convolutions with windows of 3 x 3 by the [schemes](super::scheme) of fewer multiplications: tiles of the images are mapped,
//! multiplied with mapped weights (a product of two matrices for each place in a mapped tile), and mapped back.

use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use super::geometry::Geometry;
use super::lanes::{LANES, Lanes, Line};
use super::product::{Finish, MIN_TASKS, Shared, sum_lanes};
use super::scheme::{Four, Pair, Scheme, both_ways};
use super::tile::{COLS, Kernel, Left, ROWS, Tile, Work, with_widest};

/// Weights of a window.
const WINDOW: usize = 9;
/// Lanes in a row of a panel.
const PANEL: usize = COLS / LANES;
/// Tiles below which mapping the weights takes longer than it saves.
const MIN_TILES: usize = 48;
/// Lines between the mapped tiles of two places, lest all places fall on the same lines of the cache.
const GAP: usize = 1;

/// Whether a scheme has fewer multiplications for these shapes, by enough to pay for its maps.
pub fn is_faster(g: &Geometry) -> bool {
    if (g.kernel, g.stride, g.padding) != (3, 1, 1) || !g.in_channels.is_multiple_of(LANES) {
        return false;
    }
    let tiles = g.height.div_ceil(4) * g.width.div_ceil(4);
    // Multiplications of one channel without a scheme, those by the padding left aside.
    let direct = (3 * g.height).saturating_sub(2) * (3 * g.width).saturating_sub(2);
    g.batch * tiles >= MIN_TILES && (is_pair(g) || 3 * 36 * tiles <= 2 * direct)
}

fn is_pair(g: &Geometry) -> bool {
    (g.height, g.width) == (2, 2)
}

/// Writes the convolution of `images + input_bias`, which are then padded with zeros, and returns the sum of all that is
/// written if `finish.total` asks for it. For shapes that [`is_faster`] accepts.
///
/// `panels` are the weights as [`super::panel`] packs them, nine taps row by row.
pub fn convolve(
    g: &Geometry,
    images: &[f32],
    input_bias: f32,
    panels: &[f32],
    finish: &Finish,
    target: Shared,
) -> f64 {
    if is_pair(g) {
        Convolution::<Pair, 2, 3, 2>::run(g, images, input_bias, panels, finish, target)
    } else {
        Convolution::<Four, 6, 6, 4>::run(g, images, input_bias, panels, finish, target)
    }
}

struct Convolution<'a, S, const IN: usize, const MID: usize, const OUT: usize> {
    g: &'a Geometry,
    images: &'a [f32],
    input_bias: f32,
    /// What is read in the padding; with the input bias it is zero.
    outside: &'a [f32],
    /// Mapped weights, `[panel][place][in][64]`.
    weights: &'a [Line],
    finish: &'a Finish<'a>,
    target: Shared,
    scheme: PhantomData<S>,
}

impl<S: Scheme<IN, MID, OUT> + Sync, const IN: usize, const MID: usize, const OUT: usize>
    Convolution<'_, S, IN, MID, OUT>
{
    fn run(
        g: &Geometry,
        images: &[f32],
        input_bias: f32,
        panels: &[f32],
        finish: &Finish,
        target: Shared,
    ) -> f64 {
        let weights = map_weights::<S, IN, MID, OUT>(panels, g.in_channels);
        let outside = vec![-input_bias; g.in_channels];
        let all = Convolution::<S, IN, MID, OUT> {
            g,
            images,
            input_bias,
            outside: &outside,
            weights: &weights,
            finish,
            target,
            scheme: PhantomData,
        };
        let (tiles, panels) = (g.batch * all.rows() * all.columns(), g.out_channels.div_ceil(COLS));
        // Deep tiles are more, so that the weights, which no cache holds, are read less often.
        let block = (g.in_channels / COLS).clamp(1, 4) * 4 * ROWS;
        let blocks = tiles.div_ceil(block);
        let share = panels.div_ceil(MIN_TASKS.div_ceil(blocks).min(panels));
        let task = |index: usize| {
            let (first, panel) = (index % blocks * block, index / blocks * share);
            with_widest(Task {
                all: &all,
                tiles: first..tiles.min(first + block),
                panels: panel..panels.min(panel + share),
            })
        };
        let sums: Vec<f64> = (0..panels.div_ceil(share) * blocks).into_par_iter().map(task).collect();
        sums.iter().sum()
    }

    /// Tiles of an image's height.
    fn rows(&self) -> usize {
        self.g.height.div_ceil(OUT)
    }

    /// Tiles of an image's width.
    fn columns(&self) -> usize {
        self.g.width.div_ceil(OUT)
    }

    /// Image, and first output row and column.
    fn origin(&self, tile: usize) -> [usize; 3] {
        let (rows, columns) = (self.rows(), self.columns());
        [tile / (rows * columns), tile / columns % rows * OUT, tile % columns * OUT]
    }

    /// Writes a mapped tile: `[in]` for each place, `stride` lines apart.
    ///
    /// # Safety
    /// The machine has the instructions of `L`.
    #[inline(always)]
    unsafe fn map_tile<L: Lanes>(&self, tile: usize, mapped: &mut [Line], stride: usize) {
        let Geometry { height, width, in_channels, .. } = *self.g;
        let [image, top, left] = self.origin(tile);
        let mut pixels = [[std::ptr::null(); IN]; IN];
        for (y, row) in pixels.iter_mut().enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                let (y, x) = ((top + y).wrapping_sub(S::BEFORE), (left + x).wrapping_sub(S::BEFORE));
                let floats = if y < height && x < width {
                    &self.images[((image * height + y) * width + x) * in_channels..][..in_channels]
                } else {
                    self.outside
                };
                *pixel = floats.as_ptr().cast::<[f32; LANES]>();
            }
        }
        let lines = in_channels / LANES;
        assert!(mapped.len() >= (MID * MID - 1) * stride + lines, "there is a line for each place");
        // SAFETY: promised by the caller.
        let bias = unsafe { L::load(&[self.input_bias; LANES]) };
        for line in 0..lines {
            let mut square = [[bias; IN]; IN];
            for (values, pixels) in square.iter_mut().zip(&pixels) {
                for (value, pixel) in values.iter_mut().zip(pixels) {
                    // SAFETY: promised by the caller; a pixel has `in_channels` floats.
                    *value = unsafe { L::load(&*pixel.add(line)) } + bias;
                }
            }
            let square = both_ways::<S::Input, L, IN, MID>(square);
            for place in 0..MID * MID {
                // SAFETY: asserted above.
                let target = unsafe { mapped.get_unchecked_mut(place * stride + line) };
                square[place / MID][place % MID].store(&mut target.0);
            }
        }
    }

    /// Writes one panel of a tile's outputs, of which `products` has those of a place every `stride` tiles. Returns their sum
    /// if it is asked for.
    ///
    /// # Safety
    /// The machine has the instructions of `L`.
    #[inline(always)]
    unsafe fn write_tile<L: Lanes>(
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
        assert!(products.len() > (MID * MID - 1) * stride, "there is a product for each place");
        let mut sum = 0.0;
        for part in 0..PANEL {
            let column = panel * COLS + part * LANES;
            if column >= out_channels {
                break;
            }
            let columns = LANES.min(out_channels - column);
            // SAFETY: promised by the caller.
            let start = unsafe { load::<L>(&start[column..column + LANES]) };
            let mut square = [[start; MID]; MID];
            for place in 0..MID * MID {
                // SAFETY: asserted above, and promised by the caller.
                square[place / MID][place % MID] =
                    unsafe { L::load(&products.get_unchecked(place * stride).0[row].as_chunks().0[part]) };
            }
            let square = both_ways::<S::Output, L, MID, OUT>(square);
            for (y, values) in square.iter().enumerate().take(height - top) {
                for (x, value) in values.iter().enumerate().take(width - left) {
                    let pixel = (image * height + top + y) * width + left + x;
                    let place = pixel * out_channels + column;
                    let mut value = *value + start;
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
                }
            }
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

/// Some tiles and some panels.
struct Task<'a, 'b, S, const IN: usize, const MID: usize, const OUT: usize> {
    all: &'a Convolution<'b, S, IN, MID, OUT>,
    tiles: Range<usize>,
    panels: Range<usize>,
}

impl<S: Scheme<IN, MID, OUT> + Sync, const IN: usize, const MID: usize, const OUT: usize> Work
    for Task<'_, '_, S, IN, MID, OUT>
{
    type Output = f64;

    #[inline(always)]
    fn run<K: Kernel>(self) -> f64 {
        let Self { all, tiles, panels } = self;
        let (depth, places, groups) = (all.g.in_channels, MID * MID, tiles.len().div_ceil(ROWS));
        let lanes = depth / LANES;
        let stride = tiles.len() * lanes + GAP;
        let mut mapped = vec![Line([0.0; LANES]); places * stride];
        for (number, tile) in tiles.clone().enumerate() {
            // SAFETY: `with_widest` chose the kernel for this machine.
            unsafe { all.map_tile::<K::Lanes>(tile, &mut mapped[number * lanes..], stride) };
        }
        let mut products: Vec<Tile> = (0..places * groups).map(|_| Tile([[0.0; COLS]; ROWS])).collect();
        let mut sum = 0.0;
        for panel in panels {
            for (place, products) in products.chunks_exact_mut(groups).enumerate() {
                let weights = &all.weights[(panel * places + place) * depth * PANEL..][..depth * PANEL];
                let rows = &mapped[place * stride..][..tiles.len() * lanes];
                for (group, product) in products.iter_mut().enumerate() {
                    // Tiles beyond the last are the last once more, and their products are left.
                    let row = |row: usize| (group * ROWS + row).min(tiles.len() - 1) * lanes;
                    let taps = [std::array::from_fn(|r| rows[row(r)..row(r) + lanes].as_ptr().cast())];
                    *product = Tile([[0.0; COLS]; ROWS]);
                    let left = Left { taps: &taps, first: 0, depth, step: 1 };
                    // SAFETY: each row holds `depth` floats, and the weights as many rows of 64.
                    unsafe { K::multiply(left, weights.as_ptr().cast(), product) };
                }
            }
            for (number, tile) in tiles.clone().enumerate() {
                let (products, row) = (&products[number / ROWS..], number % ROWS);
                // SAFETY: `with_widest` chose the kernel for this machine.
                sum += unsafe { all.write_tile::<K::Lanes>(tile, panel, products, row, groups) };
            }
        }
        sum
    }
}

/// `[panel][tap][depth][64]` to `[panel][place][depth][64]`.
fn map_weights<S: Scheme<IN, MID, OUT>, const IN: usize, const MID: usize, const OUT: usize>(
    panels: &[f32],
    depth: usize,
) -> Vec<Line> {
    let (lanes, places) = (depth * PANEL, MID * MID);
    let (panels, _) = panels.as_chunks();
    let mut mapped = vec![Line([0.0; LANES]); panels.len() / WINDOW * places];
    mapped.par_chunks_exact_mut(places * lanes).zip(panels.par_chunks_exact(WINDOW * lanes)).for_each(
        |(mapped, panel)| {
            with_widest(Weights::<S, IN, MID, OUT> { panel, mapped, scheme: PhantomData });
        },
    );
    mapped
}

/// The weights of one panel.
struct Weights<'a, S, const IN: usize, const MID: usize, const OUT: usize> {
    panel: &'a [[f32; LANES]],
    mapped: &'a mut [Line],
    scheme: PhantomData<S>,
}

impl<S: Scheme<IN, MID, OUT>, const IN: usize, const MID: usize, const OUT: usize> Work
    for Weights<'_, S, IN, MID, OUT>
{
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let lanes = self.panel.len() / WINDOW;
        for index in 0..lanes {
            // SAFETY: `with_widest` chose the kernel for this machine.
            let value = |tap: usize| unsafe { K::Lanes::load(&self.panel[tap * lanes + index]) };
            let square = [
                [value(0), value(1), value(2)],
                [value(3), value(4), value(5)],
                [value(6), value(7), value(8)],
            ];
            let square = both_ways::<S::Weight, K::Lanes, 3, MID>(square);
            for place in 0..MID * MID {
                square[place / MID][place % MID].store(&mut self.mapped[place * lanes + index].0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rayon::ThreadPoolBuilder;

    use super::super::cpu::{self, Surround};
    use super::*;

    /// Numbers from -1 to 1 that look like chance (SplitMix64), so that few sums of products cancel.
    fn values(count: usize, seed: u64) -> Vec<f32> {
        let number = |i: u64| {
            let mixed = (seed << 32 | i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count as u64).map(number).collect()
    }

    /// Calls `add(input pixel, output pixel, tap)` for all of an image that meet.
    fn for_each_tap(g: &Geometry, mut add: impl FnMut(usize, usize, usize)) {
        for (image, y, x) in (0..g.batch * g.height * g.width)
            .map(|pixel| (pixel / g.width / g.height, pixel / g.width % g.height, pixel % g.width))
        {
            for tap in 0..WINDOW {
                let (row, column) = ((y + tap / 3).wrapping_sub(1), (x + tap % 3).wrapping_sub(1));
                if row < g.height && column < g.width {
                    let pixel = |y, x| (image * g.height + y) * g.width + x;
                    add(pixel(row, column), pixel(y, x), tap);
                }
            }
        }
    }

    /// The differences' norm over that of what is exact.
    fn error(values: &[f32], exact: &[f64]) -> f64 {
        assert_eq!(values.len(), exact.len());
        let differences = values.iter().zip(exact).map(|(value, exact)| (f64::from(*value) - exact).powi(2));
        (differences.sum::<f64>() / exact.iter().map(|value| value * value).sum::<f64>()).sqrt()
    }

    /// Forward pass and image gradient agree with sums in double precision, and are the same with one thread and two.
    #[track_caller]
    fn check([batch, height, width, in_channels, out_channels]: [usize; 5], by_scheme: [bool; 2]) {
        let g =
            Geometry { batch, height, width, in_channels, out_channels, kernel: 3, stride: 1, padding: 1 };
        let swapped = Geometry { in_channels: out_channels, out_channels: in_channels, ..g };
        assert_eq!([is_faster(&g), is_faster(&swapped)], by_scheme);
        let images = values(g.in_pixels() * in_channels, 1);
        let weights = values(WINDOW * in_channels * out_channels, 2);
        let residual = values(g.out_pixels() * out_channels, 3);
        let output_bias = values(out_channels, 4);
        let around = Surround { input_bias: 0.25, output_bias: &output_bias, relu: true };

        let mut sums: Vec<f64> =
            residual.iter().enumerate().map(|(i, r)| f64::from(r + output_bias[i % out_channels])).collect();
        let mut gradients = vec![0.0; images.len()];
        for_each_tap(&g, |from, to, tap| {
            for i in 0..in_channels {
                let weights = &weights[(tap * in_channels + i) * out_channels..][..out_channels];
                let input = f64::from(images[from * in_channels + i] + 0.25);
                let outputs = to * out_channels..(to + 1) * out_channels;
                for ((sum, weight), gradient) in
                    sums[outputs.clone()].iter_mut().zip(weights).zip(&residual[outputs])
                {
                    *sum += input * f64::from(*weight);
                    gradients[from * in_channels + i] += f64::from(*gradient) * f64::from(*weight);
                }
            }
        });
        sums.iter_mut().for_each(|sum| *sum = sum.max(0.0));

        let run = |threads: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let output = cpu::forward(&g, &images, &weights, Some(&residual), around);
                (output, cpu::image_gradient(&g, &weights, &residual))
            })
        };
        let (output, (gradient, total)) = run(2);
        assert_eq!((&output, &(gradient.clone(), total)), (&run(1).0, &run(1).1));
        for (values, exact) in [(&output, &sums), (&gradient, &gradients)] {
            let error = error(values, exact);
            // Direct sums of so many products are off by up to 3e-7, those of a scheme by four times as much.
            assert!(error < 2e-6, "{g:?}: {error:e}");
        }
        let exact: f64 = gradients.iter().sum();
        let scale = gradients.iter().map(|gradient| gradient * gradient).sum::<f64>().sqrt();
        assert!((f64::from(total) - exact).abs() < 1e-4 * scale, "{total} {exact}");
    }

    #[test]
    fn outputs_and_gradients_are_those_of_the_convolution() {
        check([1, 28, 28, 16, 64], [true, true]);
        check([5, 13, 15, 32, 70], [true, false]);
        check([48, 4, 4, 5, 16], [false, true]);
        check([50, 4, 4, 48, 144], [true, true]);
        check([48, 2, 2, 16, 5], [true, false]);
        check([100, 2, 2, 112, 80], [true, true]);
        check([40, 3, 3, 16, 16], [false, false]);
        check([2, 9, 6, 20, 3], [false, false]);
    }
}
