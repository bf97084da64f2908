//! Features of images: what stages of a network put out, one vector for an image.

use burn::tensor::{FloatDType, Tensor};

use super::{batches, image_batch, values};
use crate::data::EvalImages;
use crate::error::Result;
use crate::event::Event;
use crate::job::Job;
use crate::model::{Arch, Network};

/// Which tokens of a transformer stand for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The class token.
    Class,
    /// The mean over positions: those of a map, or the tokens of the patches without class token and registers.
    Mean,
}

impl Pooling {
    /// What the network's own head reads.
    pub fn of_head(arch: &Arch) -> Self {
        match arch.tokens {
            Some(tokens) if tokens.head_reads_class => Self::Class,
            _ => Self::Mean,
        }
    }

    /// Features of the images of a batch, in single precision. Where a stage has a single position, that is its feature.
    ///
    /// # Shapes
    /// - x: `[batch, rows, columns, channels]`, the output of a stage
    /// - result: `[batch, channels]`
    fn pool(self, x: Tensor<4>, arch: &Arch) -> Tensor<2> {
        let [batch, rows, columns, channels] = x.dims();
        let positions = rows * columns;
        let x = x.cast(FloatDType::F32).reshape([batch, positions, channels]);
        // Before the class token is put there, and after pooling, there are others in number.
        let tokens = arch.tokens.filter(|tokens| tokens.count == positions);
        let pooled = match (self, tokens) {
            (Self::Class, Some(_)) => x.narrow(1, 0, 1),
            (_, tokens) => {
                let prefix = tokens.map_or(0, |tokens| tokens.prefix);
                x.narrow(1, prefix, positions - prefix).mean_dim(1)
            }
        };
        pooled.reshape([batch, channels])
    }
}

/// Shows a network all images once, and hands the features of chosen stages to `take`, a batch after the other: the stage, the
/// features `[batch, width]`, row-major, and their width.
///
/// # Errors
/// Those of `take`; [`crate::error::Error::Interrupted`] if somebody asked to stop.
pub fn pooled_features(
    network: &Network,
    stages: &[usize],
    pooling: Pooling,
    images: &EvalImages,
    job: &Job,
    mut take: impl FnMut(usize, Vec<f32>, usize) -> Result<()>,
) -> Result<()> {
    for range in batches(images) {
        job.check()?;
        let (done, total) = (range.start as u64, images.len() as u64);
        job.emit(Event::Progress { what: "computing features".to_owned(), done, total, unit: "images" });
        network.features(image_batch(images, range, &job.device), stages, |stage, x| {
            let features = pooling.pool(x, &network.arch);
            let [_, width] = features.dims();
            take(stage, values(features)?, width)
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn tokens_before_the_patches_are_no_part_of_the_mean() {
        let arch = Arch::for_images("vit_small_patch14_reg4_dinov2", 5, 28).unwrap();
        let pooled = |pooling: Pooling, positions: usize| {
            let data: Vec<f32> = (0..positions).map(|position| position as f32).collect();
            let x = Tensor::from_data(TensorData::new(data, [1, 1, positions, 1]), &Device::flex());
            values(pooling.pool(x, &arch)).unwrap()[0]
        };
        // A class token, four registers, and 2 x 2 patches.
        assert_eq!((pooled(Pooling::Class, 9), pooled(Pooling::Mean, 9)), (0.0, 6.5));
        assert_eq!((pooled(Pooling::Class, 4), pooled(Pooling::Mean, 4)), (1.5, 1.5), "patches alone");
        assert_eq!((pooled(Pooling::Class, 1), pooled(Pooling::Mean, 1)), (0.0, 0.0));
        assert_eq!(Pooling::of_head(&arch), Pooling::Class);
        let averaged = Arch::new("vit_medium_patch16_gap_240", 5).unwrap();
        assert_eq!(Pooling::of_head(&averaged), Pooling::Mean);
    }
}
