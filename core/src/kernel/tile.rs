//! The micro-kernel under every convolution: a tile of 6 x 64 sums held in registers.

use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2Lanes, Avx512Lanes};
use super::lanes::{Lanes, PortableLanes};

/// Rows of a tile.
pub const ROWS: usize = 6;
/// Columns of a tile.
pub const COLS: usize = 64;

/// The sums of one tile, `[row][column]`.
#[repr(align(64))]
pub struct Tile(pub [[f32; COLS]; ROWS]);

/// The left operand: where each row starts, and the distance between consecutive elements of a row.
#[derive(Clone, Copy)]
pub struct Left<'a> {
    /// One set of row starts for each tap.
    pub taps: &'a [[*const f32; ROWS]],
    /// Distance in floats from a row's start to the first element read.
    pub first: usize,
    /// Elements read from each row of each tap.
    pub depth: usize,
    /// Distance in elements between two elements of a row.
    pub step: usize,
}

/// One way to compute a tile, for one set of vector instructions.
pub trait Kernel {
    /// Name of the instructions.
    const NAME: &'static str;
    /// Sixteen floats in its registers.
    type Lanes: Lanes;

    /// `tile[r][j] += sum over taps t and k < depth of left.taps[t][r][first + k * step] * panel[t][k][j]`.
    ///
    /// # Safety
    /// The machine has the instructions; every row start is valid for reads at `first + k * step`, `k < depth`, and
    /// `panel` for `taps * depth * 64` floats.
    unsafe fn multiply(left: Left, panel: *const f32, tile: &mut Tile);
}

/// Work around tiles, compiled once for each [`Kernel`] so that all of it uses the same instructions.
pub trait Work {
    /// What the work computes.
    type Output;

    /// Does the work; to be inlined.
    fn run<K: Kernel>(self) -> Self::Output;
}

/// Whether AVX-512 is left out.
static ONLY_AVX2: AtomicBool = AtomicBool::new(false);

/// From now on kernels use AVX2 also where the processor has AVX-512, so that every x86-64 processor with AVX2 computes the
/// same bytes. Returns whether this processor has AVX2.
pub fn use_only_avx2() -> bool {
    ONLY_AVX2.store(true, Ordering::Relaxed);
    with_widest(Name) == "AVX2"
}

/// Name of the instructions that [`with_widest`] uses here.
pub fn instructions() -> &'static str {
    with_widest(Name)
}

/// Asks a kernel for its name.
struct Name;

impl Work for Name {
    type Output = &'static str;

    fn run<K: Kernel>(self) -> &'static str {
        K::NAME
    }
}

/// Does the work with the widest instructions that the machine has, of those that [`use_only_avx2`] leaves.
pub fn with_widest<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f")]
        fn avx512<W: Work>(work: W) -> W::Output {
            work.run::<Avx512>()
        }

        #[target_feature(enable = "avx2,fma")]
        fn avx2<W: Work>(work: W) -> W::Output {
            work.run::<Avx2>()
        }

        if is_x86_feature_detected!("avx512f") && !ONLY_AVX2.load(Ordering::Relaxed) {
            // SAFETY: the machine has AVX-512.
            return unsafe { avx512(work) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the machine has AVX2 and FMA.
            return unsafe { avx2(work) };
        }
    }
    work.run::<Portable>()
}

#[cfg(target_arch = "x86_64")]
struct Avx512;

#[cfg(target_arch = "x86_64")]
impl Kernel for Avx512 {
    const NAME: &'static str = "AVX-512";
    type Lanes = Avx512Lanes;

    #[inline(always)]
    unsafe fn multiply(left: Left, panel: *const f32, tile: &mut Tile) {
        // SAFETY: promised by the caller.
        unsafe { multiply_avx512(left, panel, tile) }
    }
}

#[cfg(target_arch = "x86_64")]
struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Kernel for Avx2 {
    const NAME: &'static str = "AVX2";
    type Lanes = Avx2Lanes;

    #[inline(always)]
    unsafe fn multiply(left: Left, panel: *const f32, tile: &mut Tile) {
        // SAFETY: promised by the caller.
        unsafe { multiply_avx2(left, panel, tile) }
    }
}

struct Portable;

impl Kernel for Portable {
    const NAME: &'static str = "portable instructions";
    type Lanes = PortableLanes;

    #[inline(always)]
    unsafe fn multiply(left: Left, panel: *const f32, tile: &mut Tile) {
        // SAFETY: promised by the caller.
        unsafe { multiply_portable(left, panel, tile) }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn multiply_avx512(left: Left, mut panel: *const f32, tile: &mut Tile) {
    use std::arch::x86_64::*;
    // SAFETY: bounds as promised to `Kernel::multiply`; loads and stores of the tile stay inside its rows.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); 4]; ROWS];
        for (row, stored) in sums.iter_mut().zip(&tile.0) {
            for (q, sum) in row.iter_mut().enumerate() {
                *sum = _mm512_load_ps(stored.as_ptr().add(16 * q));
            }
        }
        for rows in left.taps {
            let mut offset = left.first;
            for _ in 0..left.depth {
                let right = [0, 16, 32, 48].map(|column| _mm512_loadu_ps(panel.add(column)));
                for r in 0..ROWS {
                    let value = _mm512_set1_ps(*rows[r].add(offset));
                    for q in 0..4 {
                        sums[r][q] = _mm512_fmadd_ps(value, right[q], sums[r][q]);
                    }
                }
                offset += left.step;
                panel = panel.add(COLS);
            }
        }
        for (row, stored) in sums.iter().zip(&mut tile.0) {
            for (q, sum) in row.iter().enumerate() {
                _mm512_store_ps(stored.as_mut_ptr().add(16 * q), *sum);
            }
        }
    }
}

/// Sixteen registers hold 6 x 16 sums: the panel is walked once for each quarter.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn multiply_avx2(left: Left, panel: *const f32, tile: &mut Tile) {
    use std::arch::x86_64::*;
    // SAFETY: bounds as promised to `Kernel::multiply`; loads and stores of the tile stay inside its rows.
    unsafe {
        for quarter in (0..COLS).step_by(16) {
            let mut panel = panel.add(quarter);
            let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
            for (row, stored) in sums.iter_mut().zip(&tile.0) {
                for (h, sum) in row.iter_mut().enumerate() {
                    *sum = _mm256_load_ps(stored.as_ptr().add(quarter + 8 * h));
                }
            }
            for rows in left.taps {
                let mut offset = left.first;
                for _ in 0..left.depth {
                    let right = [0, 8].map(|column| _mm256_loadu_ps(panel.add(column)));
                    for r in 0..ROWS {
                        let value = _mm256_set1_ps(*rows[r].add(offset));
                        for h in 0..2 {
                            sums[r][h] = _mm256_fmadd_ps(value, right[h], sums[r][h]);
                        }
                    }
                    offset += left.step;
                    panel = panel.add(COLS);
                }
            }
            for (row, stored) in sums.iter().zip(&mut tile.0) {
                for (h, sum) in row.iter().enumerate() {
                    _mm256_store_ps(stored.as_mut_ptr().add(quarter + 8 * h), *sum);
                }
            }
        }
    }
}

unsafe fn multiply_portable(left: Left, mut panel: *const f32, tile: &mut Tile) {
    for rows in left.taps {
        for k in 0..left.depth {
            // SAFETY: bounds as promised to `Kernel::multiply`.
            let right = unsafe { &*panel.cast::<[f32; COLS]>() };
            for (sums, start) in tile.0.iter_mut().zip(rows) {
                // SAFETY: bounds as promised to `Kernel::multiply`.
                let value = unsafe { *start.add(left.first + k * left.step) };
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum += value * right;
                }
            }
            // SAFETY: bounds as promised to `Kernel::multiply`.
            panel = unsafe { panel.add(COLS) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All variants that this machine has agree with plain sums.
    #[test]
    fn variants_agree() {
        let (depth, step, taps) = (7, 3, 2);
        let left: Vec<f32> = (0..taps * ROWS * depth * step).map(|i| ((i * 37) % 11) as f32 - 5.0).collect();
        let panel: Vec<f32> = (0..taps * depth * COLS).map(|i| ((i * 53) % 13) as f32 - 6.0).collect();
        let rows: Vec<[*const f32; ROWS]> = (0..taps)
            .map(|t| std::array::from_fn(|r| left[(t * ROWS + r) * depth * step..].as_ptr()))
            .collect();
        let operand = Left { taps: &rows, first: 0, depth, step };
        let mut expected = Tile([[1.0; COLS]; ROWS]);
        for t in 0..taps {
            for r in 0..ROWS {
                for k in 0..depth {
                    for j in 0..COLS {
                        expected.0[r][j] +=
                            left[((t * ROWS + r) * depth + k) * step] * panel[(t * depth + k) * COLS + j];
                    }
                }
            }
        }
        let check = |variant: unsafe fn(Left, *const f32, &mut Tile)| {
            let mut tile = Tile([[1.0; COLS]; ROWS]);
            // SAFETY: the operands cover what the tile reads.
            unsafe { variant(operand, panel.as_ptr(), &mut tile) };
            assert_eq!(tile.0, expected.0);
        };
        check(multiply_portable);
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") {
            check(|left, panel, tile| unsafe { multiply_avx512(left, panel, tile) });
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            check(|left, panel, tile| unsafe { multiply_avx2(left, panel, tile) });
        }
    }
}
