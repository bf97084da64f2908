//! Self-attention with several heads, `softmax(q k^T / sqrt(width)) v` in each (Vaswani et al. 2017). A task computes one head of one
//! image, a block of rows of the matrix of scores at a time, so that scores never leave the cache; the backward pass computes
//! them again.

#[cfg(test)]
mod tests;

use rayon::prelude::*;

use super::exp::exp;
use super::slice::{Shared, fill, sum_lanes};
use super::tile::{COLS, Kernel, Left, ROWS, Tile, Work, with_widest};

/// Rows of scores that are computed at once.
const BLOCK: usize = 16 * ROWS;

/// Sizes of an attention. Queries, keys and values lie beside each other, `[batch, tokens, 3, heads, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub batch: usize,
    pub tokens: usize,
    pub heads: usize,
    /// Channels of a head.
    pub width: usize,
}

/// Rotary positions (Su et al. 2021): channels `i` and `i + width / 2` of each query and key are turned by an angle.
#[derive(Debug)]
pub struct Angles {
    /// Cosine of the angle of each token and pair of channels, `[tokens, width / 2]`.
    pub cosines: Vec<f32>,
    /// Sine of it.
    pub sines: Vec<f32>,
}

impl Shape {
    /// Channels of all heads.
    pub fn channels(&self) -> usize {
        self.heads * self.width
    }

    fn check(&self, angles: Option<&Angles>) {
        let pairs = self.tokens * self.width / 2;
        let fit = |angles: &Angles| angles.cosines.len() == pairs && angles.sines.len() == pairs;
        assert!(angles.is_none_or(fit), "an angle for each token and pair of channels");
    }

    /// Panels of 64 channels that a head is cut into, and the channels of each.
    fn panels(&self) -> (usize, usize) {
        (self.width.div_ceil(COLS), self.width.min(COLS))
    }
}

/// The attention of `[batch, tokens, 3, heads, width]`, `[batch, tokens, heads, width]`.
pub fn forward(shape: Shape, qkv: &[f32], angles: Option<&Angles>) -> Vec<f32> {
    let floats = shape.batch * shape.tokens * shape.channels();
    assert_eq!(qkv.len(), 3 * floats, "queries, keys and values");
    shape.check(angles);
    fill(floats, |output| {
        (0..shape.batch * shape.heads)
            .into_par_iter()
            .for_each(|task| with_widest(Forward { head: Head { shape, qkv, angles, task }, output }));
    })
}

/// The gradient of queries, keys and values from that of the attention.
pub fn gradient(shape: Shape, qkv: &[f32], angles: Option<&Angles>, gradient: &[f32]) -> Vec<f32> {
    assert_eq!(gradient.len(), shape.batch * shape.tokens * shape.channels(), "an output for each token");
    assert_eq!(qkv.len(), 3 * gradient.len(), "queries, keys and values");
    shape.check(angles);
    fill(qkv.len(), |output| {
        (0..shape.batch * shape.heads).into_par_iter().for_each(|task| {
            with_widest(Backward { head: Head { shape, qkv, angles, task }, gradient, output });
        });
    })
}

/// One head of one image.
#[derive(Clone, Copy)]
struct Head<'a> {
    shape: Shape,
    qkv: &'a [f32],
    angles: Option<&'a Angles>,
    /// Image times heads plus head.
    task: usize,
}

/// A matrix `[tokens, width]` in panels of at most 64 columns, `[panel][row][64]`, padded with zeros.
struct Matrix {
    values: Vec<f32>,
    rows: usize,
}

impl Matrix {
    fn new(rows: usize, panels: usize) -> Self {
        let rows = rows.next_multiple_of(ROWS * COLS);
        Self { values: vec![0.0; panels * rows * COLS], rows }
    }

    fn panel(&self, panel: usize) -> &[f32] {
        &self.values[panel * self.rows * COLS..][..self.rows * COLS]
    }

    /// Sixty-four rows as columns, `[panel][channel][64]`, for every sixty-four of the first `rows`.
    #[inline(always)]
    fn transposed(&self, rows: usize, panels: usize, depth: usize) -> Vec<f32> {
        let mut columns = vec![0.0; rows.div_ceil(COLS) * panels * depth * COLS];
        for (index, block) in columns.chunks_exact_mut(depth * COLS).enumerate() {
            let first = index / panels * COLS;
            let source = &self.panel(index % panels)[first * COLS..][..COLS * COLS];
            for (row, values) in source.chunks_exact(COLS).enumerate() {
                for (column, value) in block.chunks_exact_mut(COLS).zip(values) {
                    column[row] = *value;
                }
            }
        }
        columns
    }

    /// Six rows from `top` on times `[panel][depth][64]`.
    #[inline(always)]
    fn product<K: Kernel>(&self, top: usize, right: &[f32], panels: usize, depth: usize) -> Tile {
        let mut tile = Tile([[0.0; COLS]; ROWS]);
        assert!(right.len() >= panels * depth * COLS && top + ROWS <= self.rows, "operands cover the tile");
        for panel in 0..panels {
            let rows = &self.panel(panel)[top * COLS..];
            let taps = [std::array::from_fn(|row| rows[row * COLS..].as_ptr())];
            let left = Left { taps: &taps, first: 0, depth, step: 1 };
            // SAFETY: `with_widest` chose the kernel for this machine; each row has 64 floats, and `right` 64 for each of `depth`.
            unsafe { K::multiply(left, right[panel * depth * COLS..].as_ptr(), &mut tile) };
        }
        tile
    }
}

/// A block of rows of a matrix `[tokens, tokens]`, padded to whole tiles.
struct Block {
    values: Vec<f32>,
    /// Floats of a row.
    stride: usize,
}

impl Block {
    fn new(tokens: usize) -> Self {
        let stride = tokens.next_multiple_of(COLS);
        // The last tile of columns may reach beyond the last row.
        Self { values: vec![0.0; BLOCK * stride + ROWS], stride }
    }

    #[inline(always)]
    fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.stride..][..self.stride]
    }

    /// Writes the products of `rows` rows of `left`, from `first` on, with all columns.
    #[inline(always)]
    fn fill<K: Kernel>(&mut self, left: &Matrix, first: usize, rows: usize, right: &[f32], head: &Head) {
        let (panels, depth) = head.shape.panels();
        for (number, right) in right.chunks_exact(panels * depth * COLS).enumerate() {
            for top in (0..rows).step_by(ROWS) {
                let tile = left.product::<K>(first + top, right, panels, depth);
                for (row, sums) in tile.0.iter().enumerate() {
                    self.row_mut(top + row)[number * COLS..][..COLS].copy_from_slice(sums);
                }
            }
        }
    }

    /// Six rows from `top` on, or six columns, times `[depth][64]`, added to a tile.
    #[inline(always)]
    fn multiply<K: Kernel>(
        &self,
        start: usize,
        by: [usize; 2],
        depth: usize,
        right: &[f32],
        tile: &mut Tile,
    ) {
        let [row, step] = by;
        let last = start + (ROWS - 1) * row + (depth - 1) * step;
        assert!(last < self.values.len() && right.len() >= depth * COLS, "operands cover the tile");
        let taps = [std::array::from_fn(|index| self.values[start + index * row..].as_ptr())];
        // SAFETY: `with_widest` chose the kernel for this machine; the bounds are asserted above.
        unsafe { K::multiply(Left { taps: &taps, first: 0, depth, step }, right.as_ptr(), tile) };
    }
}

impl Head<'_> {
    /// Position of this head's first channel at a token, in `[batch, tokens, parts, heads, width]`.
    fn place(&self, token: usize, part: usize, parts: usize) -> usize {
        let Shape { tokens, heads, width, .. } = self.shape;
        let (image, head) = (self.task / heads, self.task % heads);
        (((image * tokens + token) * parts + part) * heads + head) * width
    }

    /// One of `parts` operands that lie beside each other, times `factor`, turned by `angles`.
    #[inline(always)]
    fn load(
        &self,
        source: &[f32],
        part: usize,
        parts: usize,
        factor: f32,
        angles: Option<&Angles>,
    ) -> Matrix {
        let Shape { tokens, width, .. } = self.shape;
        let mut matrix = Matrix::new(tokens, self.shape.panels().0);
        let mut turned = vec![0.0; width];
        for token in 0..tokens {
            let mut row = &source[self.place(token, part, parts)..][..width];
            if let Some(angles) = angles {
                turned.copy_from_slice(row);
                angles.turn(token, 1.0, &mut turned);
                row = &turned;
            }
            for (panel, row) in row.chunks(COLS).enumerate() {
                let target = &mut matrix.values[(panel * matrix.rows + token) * COLS..][..row.len()];
                target.iter_mut().zip(row).for_each(|(target, value)| *target = value * factor);
            }
        }
        matrix
    }

    fn scale(&self) -> f32 {
        (self.shape.width as f32).powf(-0.5)
    }
}

impl Angles {
    /// Turns the channels of a token by `direction` times its angles.
    #[inline(always)]
    fn turn(&self, token: usize, direction: f32, row: &mut [f32]) {
        let half = row.len() / 2;
        let angles = self.cosines[token * half..][..half].iter().zip(&self.sines[token * half..]);
        let (one, two) = row.split_at_mut(half);
        for ((one, two), (cosine, sine)) in one.iter_mut().zip(two).zip(angles) {
            let sine = sine * direction;
            (*one, *two) = (*one * cosine - *two * sine, *two * cosine + *one * sine);
        }
    }
}

/// Scores to probabilities, in place; the padding becomes zero.
#[inline(always)]
fn softmax(row: &mut [f32], tokens: usize) {
    let (scores, padding) = row.split_at_mut(tokens);
    let largest = scores.iter().fold(f32::NEG_INFINITY, |max, score| if *score > max { *score } else { max });
    scores.iter_mut().for_each(|score| *score = exp(*score - largest));
    let share = 1.0 / sum_lanes(scores);
    scores.iter_mut().for_each(|score| *score *= share);
    padding.fill(0.0);
}

struct Forward<'a> {
    head: Head<'a>,
    output: Shared,
}

impl Work for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let Self { head, output } = self;
        let Shape { tokens, width, .. } = head.shape;
        let (panels, depth) = head.shape.panels();
        let queries = head.load(head.qkv, 0, 3, head.scale(), head.angles);
        let keys = head.load(head.qkv, 1, 3, 1.0, head.angles).transposed(tokens, panels, depth);
        let values = head.load(head.qkv, 2, 3, 1.0, None);
        let mut block = Block::new(tokens);
        for first in (0..tokens).step_by(BLOCK) {
            let rows = BLOCK.min(tokens - first);
            block.fill::<K>(&queries, first, rows, &keys, &head);
            (0..rows).for_each(|row| softmax(block.row_mut(row), tokens));
            for top in (0..rows).step_by(ROWS) {
                for panel in 0..panels {
                    let mut tile = Tile([[0.0; COLS]; ROWS]);
                    let by = [block.stride, 1];
                    block.multiply::<K>(top * block.stride, by, tokens, values.panel(panel), &mut tile);
                    for (row, sums) in tile.0.iter().enumerate().take(rows - top) {
                        let place = head.place(first + top + row, 0, 1) + panel * COLS;
                        // SAFETY: these channels of this token belong to this task alone.
                        unsafe { sums.as_ptr().copy_to(output.at(place), COLS.min(width - panel * COLS)) };
                    }
                }
            }
        }
    }
}

struct Backward<'a> {
    head: Head<'a>,
    gradient: &'a [f32],
    output: Shared,
}

impl Work for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<K: Kernel>(self) {
        let Self { head, gradient, output } = self;
        let tokens = head.shape.tokens;
        let (panels, depth) = head.shape.panels();
        let queries = head.load(head.qkv, 0, 3, head.scale(), head.angles);
        let keys = head.load(head.qkv, 1, 3, 1.0, head.angles);
        let values = head.load(head.qkv, 2, 3, 1.0, None).transposed(tokens, panels, depth);
        let gradient = head.load(gradient, 0, 1, 1.0, None);
        let key_columns = keys.transposed(tokens, panels, depth);
        let tiles = || -> Vec<Tile> {
            (0..tokens.div_ceil(ROWS) * panels).map(|_| Tile([[0.0; COLS]; ROWS])).collect()
        };
        let [mut query_sums, mut key_sums, mut value_sums] = [tiles(), tiles(), tiles()];
        let [mut shares, mut slopes] = [Block::new(tokens), Block::new(tokens)];
        for first in (0..tokens).step_by(BLOCK) {
            let rows = BLOCK.min(tokens - first);
            shares.fill::<K>(&queries, first, rows, &key_columns, &head);
            slopes.fill::<K>(&gradient, first, rows, &values, &head);
            for row in 0..rows {
                let (shares, slopes) = (shares.row_mut(row), slopes.row_mut(row));
                softmax(shares, tokens);
                // The derivative of softmax.
                slopes.iter_mut().zip(&*shares).for_each(|(slope, share)| *slope *= share);
                let sum = sum_lanes(slopes);
                slopes.iter_mut().zip(&*shares).for_each(|(slope, share)| *slope -= share * sum);
            }
            for panel in 0..panels {
                for top in (0..rows).step_by(ROWS) {
                    let tile = &mut query_sums[(first + top) / ROWS * panels + panel];
                    let by = [slopes.stride, 1];
                    slopes.multiply::<K>(top * slopes.stride, by, tokens, keys.panel(panel), tile);
                }
                let by = [1, shares.stride];
                for (index, column) in (0..tokens).step_by(ROWS).enumerate() {
                    let right = &queries.panel(panel)[first * COLS..];
                    slopes.multiply::<K>(column, by, rows, right, &mut key_sums[index * panels + panel]);
                    let right = &gradient.panel(panel)[first * COLS..];
                    shares.multiply::<K>(column, by, rows, right, &mut value_sums[index * panels + panel]);
                }
            }
        }
        let operands =
            [(query_sums, head.scale(), head.angles), (key_sums, 1.0, head.angles), (value_sums, 1.0, None)];
        for (part, (sums, factor, angles)) in operands.into_iter().enumerate() {
            head.store(part, &sums, factor, angles, output);
        }
    }
}

impl Head<'_> {
    /// Writes the gradient of an operand that [`Self::load`] has turned and multiplied.
    #[inline(always)]
    fn store(&self, part: usize, sums: &[Tile], factor: f32, angles: Option<&Angles>, output: Shared) {
        let (panels, width) = (self.shape.panels().0, self.shape.width);
        let mut row = vec![0.0; width];
        for token in 0..self.shape.tokens {
            for (panel, values) in row.chunks_mut(COLS).enumerate() {
                let sums = &sums[token / ROWS * panels + panel].0[token % ROWS];
                values.iter_mut().zip(sums).for_each(|(value, sum)| *value = sum * factor);
            }
            if let Some(angles) = angles {
                angles.turn(token, -1.0, &mut row);
            }
            // SAFETY: these channels of this token belong to this task alone.
            unsafe { row.as_ptr().copy_to(output.at(self.place(token, part, 3)), width) };
        }
    }
}
