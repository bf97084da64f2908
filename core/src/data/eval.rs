//! Evaluation crops that are decoded once and read many times.

use std::fs::File;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;
use rayon::prelude::*;

use super::batch::Batch;
use super::dataset::Dataset;
use super::transform::Pipeline;
use crate::error::{Error, Result};

/// Crops up to this many bytes in total stay in memory; more go to a temporary file.
const MEMORY_BYTES: usize = 1 << 30;
/// Images that are decoded between two reports of progress.
const CHUNK: usize = 256;

/// The 8-bit evaluation crops of a whole split.
///
/// An interpolation visits the same images tens of times, and decoding costs ten times what normalising does.
#[derive(Debug)]
pub struct EvalImages {
    pipeline: Pipeline,
    labels: Vec<usize>,
    crops: Crops,
}

/// `[samples, size, size, 3]`.
#[derive(Debug)]
enum Crops {
    Memory(Vec<u8>),
    /// Of a file without a name: it vanishes with the program, however that ends.
    Mapped(Mmap),
}

impl EvalImages {
    /// Decodes and crops every sample, whatever the pipeline augments; `progress` gets the number of samples done
    /// and may end the work by an error.
    ///
    /// Crops of more than 1 GiB go to a file in the system's temporary folder, which is memory-mapped.
    ///
    /// # Errors
    /// Those of [`Dataset::image`] and of `progress`, and [`Error::Io`] if the temporary file cannot be written.
    pub fn new(
        dataset: &Dataset,
        pipeline: &Pipeline,
        progress: impl Fn(usize) -> Result<()>,
    ) -> Result<Self> {
        Self::with_bound(dataset, pipeline, progress, MEMORY_BYTES)
    }

    fn with_bound(
        dataset: &Dataset,
        pipeline: &Pipeline,
        progress: impl Fn(usize) -> Result<()>,
        memory_bytes: usize,
    ) -> Result<Self> {
        let crops = if dataset.len() * pipeline.values() <= memory_bytes {
            let mut bytes = Vec::with_capacity(dataset.len() * pipeline.values());
            for_each_crop(dataset, pipeline, progress, |crop| {
                bytes.extend_from_slice(crop);
                Ok(())
            })?;
            Crops::Memory(bytes)
        } else {
            let folder = std::env::temp_dir();
            let mut file = tempfile::tempfile().map_err(spilled(&folder))?;
            for_each_crop(dataset, pipeline, progress, |crop| {
                file.write_all(crop).map_err(spilled(&folder))
            })?;
            Crops::Mapped(map(&file).map_err(Error::io("read", &folder))?)
        };
        let labels = (0..dataset.len()).map(|sample| dataset.label(sample)).collect();
        Ok(Self { pipeline: pipeline.clone(), labels, crops })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Is there no sample?
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Samples `range`, as a [`Loader`](super::Loader) with [`Augment::Eval`](super::Augment::Eval) yields them.
    ///
    /// # Panics
    /// If the range leaves the split.
    pub fn batch(&self, range: Range<usize>) -> Batch {
        let values = self.pipeline.values();
        let bytes: &[u8] = match &self.crops {
            Crops::Memory(bytes) => bytes,
            Crops::Mapped(map) => map,
        };
        let crops = &bytes[range.start * values..range.end * values];
        let mut batch = Batch::blank(|sample| self.labels[sample], &self.pipeline, range.collect());
        batch
            .images
            .par_chunks_exact_mut(values)
            .zip(crops.par_chunks_exact(values))
            .for_each(|(image, crop)| self.pipeline.normalize(crop, image));
        batch
    }
}

/// Decodes on all cores and hands the crops over in order.
fn for_each_crop(
    dataset: &Dataset,
    pipeline: &Pipeline,
    progress: impl Fn(usize) -> Result<()>,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    for first in (0..dataset.len()).step_by(CHUNK) {
        let last = dataset.len().min(first + CHUNK);
        let crops: Vec<_> =
            (first..last).into_par_iter().map(|sample| pipeline.eval_crop(&dataset.image(sample)?)).collect();
        for crop in crops {
            take(&crop?)?;
        }
        progress(last)?;
    }
    Ok(())
}

fn spilled(folder: &Path) -> impl FnOnce(std::io::Error) -> Error {
    Error::io("write decoded images to", folder)
}

fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the file has no name and this is its only handle, so nobody changes it while it is mapped.
    unsafe { Mmap::map(file) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Data, DataConfigs};
    use crate::data::{Augment, Split};

    #[test]
    fn a_mapped_file_holds_what_memory_holds() {
        let configs = DataConfigs {
            data_dir: String::new(),
            subsample: None,
            disable_aug: false,
            image_size: 16,
            pre_crop_size: 20,
            shuffle_pixel_config: None,
            shuffle_block_config: None,
            train_per_class: None,
            test_per_class: Some(30),
            cache_bitmap: None,
        };
        let pipeline = Pipeline::new(&configs, Augment::Eval).unwrap();
        let dataset = Dataset::open(&Data { name: "Shapes_line".into(), configs }, Split::Test).unwrap();
        let done = std::cell::RefCell::new(Vec::new());
        let memory = EvalImages::new(&dataset, &pipeline, |count| {
            done.borrow_mut().push(count);
            Ok(())
        })
        .unwrap();
        assert_eq!(done.into_inner(), [256, 300]);
        let mapped = EvalImages::with_bound(&dataset, &pipeline, |_| Ok(()), 0).unwrap();
        assert!(matches!(mapped.crops, Crops::Mapped(_)));
        assert_eq!(mapped.batch(7..19), memory.batch(7..19));
    }
}
