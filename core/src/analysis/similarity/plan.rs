//! How the comparison of whole images fits into a given memory.

use std::ops::Range;

use super::estimator::Gram;
use super::unit::Choice;
use crate::error::{Error, Result};
use crate::number;

/// Images of one forward pass at most.
const MAX_IMAGES: usize = 64;
/// Activations that a forward pass holds at once, of the size of the largest.
const LIVE_ACTIVATIONS: usize = 4;
/// Columns of features that there must be room for beside two Gram matrices, so that passes stay few.
const MIN_COLUMNS: usize = 1024;
const FLOAT: usize = size_of::<f32>();

/// Columns of a unit's features that one pass over the images collects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slice {
    pub unit: usize,
    pub columns: Range<usize>,
    /// Whether no columns come after these.
    pub is_last: bool,
}

/// What is held at once.
#[derive(Debug)]
pub(super) struct Plan {
    /// Images of one forward pass.
    pub images: usize,
    /// Units whose Gram matrices are held together, two blocks at a time.
    pub blocks: Vec<Range<usize>>,
    /// Memory for all, bytes.
    pub bytes: usize,
    /// Features of each unit.
    widths: Vec<usize>,
    /// Columns of features that are held.
    columns: usize,
}

/// Images of one forward pass, of `image` bytes each: all together at most half of `room`, unless one alone takes more.
pub(super) fn forward(image: usize, room: usize) -> usize {
    let fits = |images: &usize| images * image <= room / 2;
    std::iter::successors(Some(MAX_IMAGES), |images| Some(images / 2))
        .find(|images| *images == 1 || fits(images))
        .unwrap_or(1)
}

/// Memory of one image in a forward pass, whose modules put out `widths` features, bytes.
pub(super) fn image_bytes(widths: impl Iterator<Item = usize>) -> usize {
    LIVE_ACTIVATIONS * FLOAT * widths.max().unwrap_or(0)
}

impl Plan {
    /// Fits units of `widths` features over at most `samples` images into `memory` bytes.
    ///
    /// # Errors
    /// [`Error::Usage`] with what is needed at least.
    pub fn new(widths: Vec<usize>, samples: usize, memory: usize) -> Result<Self> {
        let (units, gram) = (widths.len(), Gram::bytes(samples));
        let (image, column) = (image_bytes(widths.iter().copied()), samples * FLOAT);
        // The products of one unit before they are centred.
        let products = samples * samples * size_of::<f64>();
        let least = image + products + 2 * gram + MIN_COLUMNS * column;
        if memory < least {
            return Err(Error::usage(format!(
                "{} are too little for the features of {samples} images: even one module at a time takes {}; allow more with \
                 --memory, or take fewer with --samples or --estimator minibatch",
                number::bytes(memory as u64),
                number::bytes(least as u64)
            )));
        }
        let images = forward(image, memory - least);
        let fixed = images * image + products;
        let room = memory - fixed;
        let all = units * gram + MIN_COLUMNS * column;
        // Where not all fit, half of the room is for two blocks, half for features.
        let block = if all <= room { units } else { (room / 2 / (2 * gram)).max(1) };
        let blocks: Vec<_> = (0..units).step_by(block).map(|first| first..units.min(first + block)).collect();
        let resident = block * blocks.len().min(2) * gram;
        let widest: usize = widths.iter().sum();
        let columns = widest.min((room - resident) / column);
        Ok(Self { images, blocks, bytes: fixed + resident + columns * column, widths, columns })
    }

    /// The blocks after block `number` that hold a unit which is compared with one of its.
    pub fn partners(&self, choice: &Choice, number: usize) -> impl Iterator<Item = &Range<usize>> {
        let is_compared = move |other: &&Range<usize>| {
            let mut pairs =
                self.blocks[number].clone().flat_map(|one| (*other).clone().map(move |two| (one, two)));
            pairs.any(|(one, two)| choice.compares(one, two))
        };
        self.blocks[number + 1..].iter().filter(is_compared)
    }

    /// What each pass over the images collects of a network's units in a block.
    pub fn passes(&self, choice: &Choice, network: usize, block: &Range<usize>) -> Vec<Vec<Slice>> {
        let (mut passes, mut pass, mut room) = (Vec::new(), Vec::new(), self.columns);
        for unit in choice.of(network).filter(|unit| block.contains(unit)) {
            let (mut start, width) = (0, self.widths[unit]);
            while start < width {
                if room == 0 {
                    passes.push(std::mem::take(&mut pass));
                    room = self.columns;
                }
                let end = width.min(start + room);
                pass.push(Slice { unit, columns: start..end, is_last: end == width });
                room -= end - start;
                start = end;
            }
        }
        passes.extend((!pass.is_empty()).then_some(pass));
        passes
    }

    /// Passes over the images, of all networks together.
    pub fn count(&self, choice: &Choice) -> usize {
        let of = |block: &Range<usize>| {
            (0..choice.networks).map(|network| self.passes(choice, network, block).len()).sum::<usize>()
        };
        let with_partners =
            |(number, block)| of(block) + self.partners(choice, number).map(of).sum::<usize>();
        self.blocks.iter().enumerate().map(with_partners).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::unit::Unit;
    use super::*;

    /// Whatever fits is held within the memory, and every column of every unit is collected once in each of its blocks.
    #[test]
    fn plans_fit_and_leave_nothing_out() {
        let widths = vec![5000, 5000, 700, 700, 3, 3];
        let label = String::new();
        let unit = |place: usize| Unit { network: place % 2, stage: place / 2, label: label.clone() };
        let choice = Choice { units: (0..6).map(unit).collect(), layers: Vec::new(), networks: 2 };
        let mut counts = Vec::new();
        for memory in [100_000, 620_000, 700_000, 1 << 20, 1 << 30] {
            let Ok(plan) = Plan::new(widths.clone(), 100, memory) else {
                assert!(memory < 620_000);
                continue;
            };
            assert!(plan.bytes <= memory, "{} of {memory}", plan.bytes);
            for block in &plan.blocks {
                for network in 0..2 {
                    let passes = plan.passes(&choice, network, block);
                    let columns = |slice: &Slice| slice.columns.len();
                    assert!(
                        passes.iter().all(|pass| pass.iter().map(columns).sum::<usize>() <= plan.columns)
                    );
                    for unit in choice.of(network).filter(|unit| block.contains(unit)) {
                        let slices: Vec<_> =
                            passes.iter().flatten().filter(|slice| slice.unit == unit).collect();
                        let joined =
                            slices.windows(2).all(|pair| pair[0].columns.end == pair[1].columns.start);
                        let (first, last) = (slices[0], slices[slices.len() - 1]);
                        assert!(
                            joined
                                && first.columns.start == 0
                                && last.columns.end == widths[unit]
                                && last.is_last
                        );
                    }
                }
            }
            counts.push(plan.count(&choice));
        }
        assert!(counts.is_sorted_by(|more, fewer| more >= fewer) && counts[0] > 4, "{counts:?}");
        assert_eq!(counts.last(), Some(&2));
    }
}
