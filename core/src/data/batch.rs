//! What the network is given at a time, and which samples those are.

use super::pipeline::Pipeline;
use super::split::Labelling;
use crate::random::{Keyed, Purpose};

/// Prepared samples, ready to become a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Positions of the samples in their data set.
    pub indices: Vec<usize>,
    /// Their labels: classes from 0, or a bit for each finding.
    pub labels: Vec<usize>,
    /// What labels say.
    pub labelling: Labelling,
    /// Normalized values, `[batch, 3, size, size]`.
    pub images: Vec<f32>,
    /// Side of an image, pixels.
    pub size: usize,
}

impl Batch {
    /// A batch of these samples with all values zero, to be filled.
    pub(super) fn blank(
        label: impl Fn(usize) -> usize,
        labelling: Labelling,
        pipeline: &Pipeline,
        indices: Vec<usize>,
    ) -> Self {
        Self {
            labels: indices.iter().map(|&sample| label(sample)).collect(),
            labelling,
            images: vec![0.0; indices.len() * pipeline.values()],
            size: pipeline.size(),
            indices,
        }
    }
}

/// The batches of one training epoch: all samples in an order that depends on (seed, epoch), the last batch as long as is left.
pub fn epoch_batches(len: usize, batch_size: usize, seed: u64, epoch: u64) -> Vec<Vec<usize>> {
    let order = Keyed::new(seed, Purpose::Order, epoch, 0).permutation(len);
    order.chunks(batch_size).map(<[usize]>::to_vec).collect()
}

/// All samples in order, the last batch as long as is left.
pub fn sequential_batches(len: usize, batch_size: usize) -> Vec<Vec<usize>> {
    (0..len).step_by(batch_size).map(|first| (first..len.min(first + batch_size)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_visits_every_sample_once_in_its_own_order() {
        let batches = epoch_batches(10, 4, 5, 1);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
        let mut visited = batches.concat();
        visited.sort_unstable();
        assert_eq!(visited, (0..10).collect::<Vec<_>>());
        assert_ne!(epoch_batches(100, 4, 5, 1), epoch_batches(100, 4, 5, 2));
        assert_ne!(epoch_batches(100, 4, 5, 1), epoch_batches(100, 4, 6, 1));
        assert_eq!(sequential_batches(5, 2), [vec![0, 1], vec![2, 3], vec![4]]);
    }
}
