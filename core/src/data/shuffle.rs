//! Fixed permutations of an image: of its square blocks, or of all its values (paper, Figure 3).

use crate::error::{Error, Result};
use crate::random::numpy::RandomState;

/// One permutation for a whole run, applied to normalized images `[3, size, size]`.
#[derive(Debug, Clone)]
pub struct Shuffle {
    /// `output[i] = input[sources[i]]`, indices into the flattened image.
    sources: Vec<u32>,
}

impl Shuffle {
    /// Moves square blocks of `block` pixels; nothing moves inside a block and channels move together.
    ///
    /// Output block `j`, row by row, is input block `permutation[j]` of `RandomState(seed)`.
    ///
    /// # Errors
    /// [`Error::Usage`] unless `block` divides `size`.
    pub fn blocks(size: usize, block: usize, seed: u32) -> Result<Self> {
        if block == 0 || !size.is_multiple_of(block) {
            return Err(Error::usage(format!(
                "data.configs.shuffle_block_config.block_size must divide data.configs.image_size {size}: {block}"
            )));
        }
        let per_side = size / block;
        let permutation = RandomState::new(seed).permutation(per_side * per_side);
        let mut sources = Vec::with_capacity(3 * size * size);
        for channel in 0..3 {
            for y in 0..size {
                for x in 0..size {
                    let from = permutation[y / block * per_side + x / block];
                    let (from_y, from_x) =
                        (from / per_side * block + y % block, from % per_side * block + x % block);
                    sources.push(((channel * size + from_y) * size + from_x) as u32);
                }
            }
        }
        Ok(Self { sources })
    }

    /// Moves every value anywhere, across positions and channels, by `RandomState(seed)`.
    pub fn pixels(size: usize, seed: u32) -> Self {
        let permutation = RandomState::new(seed).permutation(3 * size * size);
        Self { sources: permutation.into_iter().map(|source| source as u32).collect() }
    }

    /// Does nothing move? So it is for seed 1234 with four blocks, one of the paper's settings.
    pub fn is_identity(&self) -> bool {
        self.sources.iter().enumerate().all(|(target, &source)| target as u32 == source)
    }

    /// Index into the flattened input `[3, size, size]` of each value of the output.
    pub fn sources(&self) -> &[u32] {
        &self.sources
    }

    /// Fills `output` with the shuffled `input`, both `[3, size, size]`.
    ///
    /// # Panics
    /// If either has another length than the permutation.
    pub fn apply(&self, input: &[f32], output: &mut [f32]) {
        assert_eq!((input.len(), output.len()), (self.sources.len(), self.sources.len()));
        for (value, &source) in output.iter_mut().zip(&self.sources) {
            *value = input[source as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shuffle_is_a_permutation() {
        for shuffle in [Shuffle::blocks(28, 7, 1235).unwrap(), Shuffle::pixels(28, 1236)] {
            let mut sources = shuffle.sources.clone();
            sources.sort_unstable();
            assert!(sources.into_iter().eq(0..3 * 28 * 28));
            assert!(!shuffle.is_identity());
        }
    }

    #[test]
    fn seed_1234_leaves_four_blocks_in_place() {
        assert!(Shuffle::blocks(224, 112, 1234).unwrap().is_identity());
        assert!(!Shuffle::blocks(224, 112, 1235).unwrap().is_identity());
    }

    #[test]
    fn blocks_must_divide_the_image() {
        for block in [0, 5, 300] {
            let error = Shuffle::blocks(224, block, 1234).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().ends_with(&format!(": {block}")), "{error}");
        }
    }
}
