//! Pillow's bilinear and bicubic filters, which widen with the reduction, so that nothing aliases.
//!
//! Sums are exact and rounded to 16 bits after the first direction and to 8 after the second: at most one level from Pillow,
//! which rounds to 8 bits twice.

use crate::config::Interpolation;

/// Levels that are summed at a time; a multiple of what the widest registers hold.
const BLOCK: usize = 16;
/// Rows that are turned into columns at a time: few enough for the fastest cache.
const STRIP: usize = 16;
/// Of weights, which are multiplied as 32 bits into 64, bits after the point at most.
const MOST_BITS: u32 = 45;

/// What is kept from one image to the next, so that the system is asked for no memory.
#[derive(Default)]
pub(super) struct Scaler {
    /// The pixels of a strip column by column.
    columns: Vec<[u8; 3]>,
    /// As many columns as the result has, with 16 bits.
    few_columns: Vec<u16>,
    /// All of them row by row.
    rows: Vec<[u16; 3]>,
}

impl Scaler {
    /// Scales the `[height, width]` pixels that start at the first one, in rows `stride` pixels apart, to
    /// `[new_height, new_width]`.
    ///
    /// No length may be zero.
    pub fn scale(
        &mut self,
        pixels: &[[u8; 3]],
        stride: usize,
        (height, width): (usize, usize),
        (new_height, new_width): (usize, usize),
        by: Interpolation,
    ) -> Vec<u8> {
        let (across, down) = (Filter::new(width, new_width, by), Filter::new(height, new_height, by));
        self.rows.resize(height * new_width, Default::default());
        // Whole columns of a strip, then whole rows, are summed: neighbours in memory share their weights.
        for (strip, rows) in pixels.chunks(STRIP * stride).zip(self.rows.chunks_mut(STRIP * new_width)) {
            let height = rows.len() / new_width;
            self.columns.resize(height * width, Default::default());
            transpose(strip, stride, &mut self.columns, height);
            let columns = Lines { levels: self.columns.as_flattened(), length: 3 * height };
            // 257 times a level of 8 bits is the same level of 16 bits.
            columns.mix(&across, |sum| across.round(257 * sum), &mut self.few_columns);
            transpose(self.few_columns.as_chunks().0, height, rows, new_width);
        }
        let rows = Lines { levels: self.rows.as_flattened(), length: 3 * new_width };
        let mut scaled = Vec::with_capacity(3 * new_height * new_width);
        rows.mix(&down, |sum| narrow(down.round(sum)), &mut scaled);
        scaled
    }
}

/// Columns of pixels, one after another in rows `stride` pixels apart, to rows of that `length`.
fn transpose<T: Copy>(pixels: &[[T; 3]], stride: usize, out: &mut [[T; 3]], length: usize) {
    for (at, out) in out.chunks_exact_mut(length).enumerate() {
        for (out, row) in out.iter_mut().zip(pixels.chunks(stride)) {
            *out = row[at];
        }
    }
}

/// The nearest level of 8 bits: a division by 257 for processors that only multiply many numbers at a time.
fn narrow(level: u16) -> u8 {
    ((u32::from(level) * 255 + 32_895) >> 16) as u8
}

/// How each new line is mixed from the old ones.
pub struct Mixture {
    /// Of each new line: the first old one, and where its weights begin and end.
    spans: Vec<(usize, usize, usize)>,
    /// Those of each new line sum to 1.
    weights: Vec<f64>,
}

impl Mixture {
    /// From so many lines to so many.
    pub fn new(from: usize, to: usize, by: Interpolation) -> Self {
        let step = from as f64 / to as f64;
        let stretch = step.max(1.0);
        let reach = by.reach() * stretch;
        let mut weights = Vec::new();
        let spans = (0..to).map(|line| {
            let middle = (line as f64 + 0.5) * step;
            let first = (middle - reach).floor().max(0.0) as usize;
            let end = from.min((middle + reach).ceil() as usize);
            let start = weights.len();
            let distance = |old: usize| (old as f64 + 0.5 - middle).abs() / stretch;
            weights.extend((first..end).map(|old| by.weight(distance(old))));
            let sum: f64 = weights[start..].iter().sum();
            weights[start..].iter_mut().for_each(|weight| *weight /= sum);
            (first, start, weights.len())
        });
        let spans = spans.collect();
        Self { spans, weights }
    }

    /// Of each new line: the first old one, and the weights from there on.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &[f64])> {
        self.spans.iter().map(|&(first, start, end)| (first, &self.weights[start..end]))
    }
}

/// A [`Mixture`] in whole numbers.
struct Filter {
    /// As those of the mixture.
    spans: Vec<(usize, usize, usize)>,
    /// Multiples of 2^-bits.
    weights: Vec<i32>,
    bits: u32,
}

impl Filter {
    /// From so many lines to so many.
    fn new(from: usize, to: usize, by: Interpolation) -> Self {
        let Mixture { spans, weights } = Mixture::new(from, to, by);
        let largest = weights.iter().copied().map(f64::abs).fold(0.0, f64::max);
        let scaled = |weight: f64, bits: u32| (weight * (1_u64 << bits) as f64).round();
        let is_full = |bits: &u32| scaled(largest, bits + 1) >= (1_u32 << 30) as f64;
        let bits = (0..MOST_BITS).find(is_full).unwrap_or(MOST_BITS);
        let weights = weights.into_iter().map(|weight| scaled(weight, bits) as i32).collect();
        Self { spans, weights, bits }
    }

    /// A weighted sum of 16-bit levels to its level; a cubic may leave the range of levels.
    fn round(&self, sum: i64) -> u16 {
        ((sum + (1 << (self.bits - 1))) >> self.bits).clamp(0, 65_535) as u16
    }
}

impl Interpolation {
    /// How far a line reaches that is not reduced.
    fn reach(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// The weight of a line at that distance.
    fn weight(self, distance: f64) -> f64 {
        const A: f64 = -0.5;
        match self {
            Self::Bilinear => (1.0 - distance).max(0.0),
            Self::Bicubic if distance < 1.0 => ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1.0,
            Self::Bicubic if distance < 2.0 => (((distance - 5.0) * distance + 8.0) * distance - 4.0) * A,
            Self::Bicubic => 0.0,
        }
    }
}

/// Lines of `length` levels, one after another.
#[derive(Clone, Copy)]
struct Lines<'a, T> {
    levels: &'a [T],
    length: usize,
}

impl<T: Copy + Into<i64>> Lines<'_, T> {
    /// Every new line's weighted sums, finished, with the widest instructions that the machine has.
    fn mix<U: Copy>(self, filter: &Filter, finish: impl Fn(i64) -> U, out: &mut Vec<U>) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f")]
            fn avx512<T: Copy + Into<i64>, U: Copy>(
                lines: Lines<T>,
                filter: &Filter,
                finish: impl Fn(i64) -> U,
                out: &mut Vec<U>,
            ) {
                lines.mix_with(filter, finish, out);
            }

            #[target_feature(enable = "avx2")]
            fn avx2<T: Copy + Into<i64>, U: Copy>(
                lines: Lines<T>,
                filter: &Filter,
                finish: impl Fn(i64) -> U,
                out: &mut Vec<U>,
            ) {
                lines.mix_with(filter, finish, out);
            }

            if is_x86_feature_detected!("avx512f") {
                // SAFETY: the machine has AVX-512.
                return unsafe { avx512(self, filter, finish, out) };
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the machine has AVX2.
                return unsafe { avx2(self, filter, finish, out) };
            }
        }
        self.mix_with(filter, finish, out);
    }

    #[inline(always)]
    fn mix_with<U: Copy>(self, filter: &Filter, finish: impl Fn(i64) -> U, out: &mut Vec<U>) {
        out.clear();
        let whole = self.length - self.length % BLOCK;
        for &(first, start, end) in &filter.spans {
            let weights = &filter.weights[start..end];
            let old = &self.levels[first * self.length..];
            for at in (0..whole).step_by(BLOCK) {
                let mut sums = [0; BLOCK];
                for (&weight, line) in weights.iter().zip(old.chunks_exact(self.length)) {
                    for (sum, &level) in sums.iter_mut().zip(&line[at..at + BLOCK]) {
                        *sum += i64::from(weight) * level.into();
                    }
                }
                out.extend_from_slice(&sums.map(&finish));
            }
            for at in whole..self.length {
                let levels = old[at..].iter().step_by(self.length);
                let sum = weights
                    .iter()
                    .zip(levels)
                    .map(|(&weight, &level)| i64::from(weight) * level.into())
                    .sum();
                out.push(finish(sum));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_are_rounded_to_the_nearest_level() {
        for level in 0..=u16::MAX {
            assert_eq!(u32::from(narrow(level)), (u32::from(level) + 128) / 257, "{level}");
        }
    }

    #[test]
    fn weights_are_a_triangle_and_sum_to_one() {
        // Halving: a new line's middle lies between two old ones, 1/2 and 3/2 lines away from four.
        let filter = Filter::new(8, 4, Interpolation::Bilinear);
        let (first, start, end) = filter.spans[1];
        let weights: Vec<f64> = filter.weights[start..end]
            .iter()
            .map(|w| f64::from(*w) / 2_f64.powi(filter.bits as i32))
            .collect();
        assert_eq!((first, weights), (1, vec![0.125, 0.375, 0.375, 0.125]));
        for (from, to) in [(1, 224), (223, 224), (224, 224), (500, 224), (16_384, 3), (3, 1)] {
            for by in [Interpolation::Bilinear, Interpolation::Bicubic] {
                let filter = Filter::new(from, to, by);
                for &(_, start, end) in &filter.spans {
                    let sum: i64 = filter.weights[start..end].iter().map(|weight| i64::from(*weight)).sum();
                    assert!(sum.abs_diff(1 << filter.bits) <= (end - start) as u64, "{from} {to}");
                    // White stays white.
                    assert_eq!(filter.round(sum * 65_535), 65_535);
                }
            }
        }
    }

    #[test]
    fn an_image_of_any_length_is_scaled_in_both_directions() {
        let (height, width) = (7, 5);
        let pixels: Vec<[u8; 3]> = (0..height * width).map(|at| [at as u8, 3 * at as u8, 255]).collect();
        let mut scaler = Scaler::default();
        assert_eq!(
            scaler.scale(&pixels, width, (height, width), (height, width), Interpolation::Bilinear),
            pixels.as_flattened()
        );
        // The middle 3 by 3 of a ramp, halved about its middle pixel, is that pixel.
        let middle = scaler.scale(&pixels[2 * width + 1..], width, (3, 3), (1, 1), Interpolation::Bilinear);
        assert_eq!(middle, pixels[3 * width + 2]);
    }
}
