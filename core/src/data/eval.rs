//! Evaluation crops that are decoded once and read many times.

use std::fs::File;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;
use rayon::prelude::*;

use super::batch::Batch;
use super::dataset::Dataset;
use super::pipeline::Pipeline;
use super::split::Labelling;
use super::transform::Crop;
use crate::error::{Error, Result};

/// Crops up to this many bytes in total stay in memory; more go to a temporary file.
const MEMORY_BYTES: usize = 1 << 30;
/// Images that are decoded between two reports of progress.
const CHUNK: usize = 256;

/// The 8-bit evaluation crops of a whole split.
///
/// An interpolation visits the same images tens of times, and decoding costs ten times what normalizing does.
#[derive(Debug)]
pub struct EvalImages {
    pipeline: Pipeline,
    labels: Vec<usize>,
    labelling: Labelling,
    /// Where each crop begins, and its width.
    places: Vec<(usize, usize)>,
    crops: Crops,
}

/// Levels of all crops, one after the other.
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
        let folder = std::env::temp_dir();
        let (mut memory, mut places, mut end) = (Vec::new(), Vec::with_capacity(dataset.len()), 0);
        let mut spill: Option<File> = None;
        for_each_crop(dataset, pipeline, progress, |crop| {
            places.push((end, crop.width));
            end += crop.levels.len();
            if spill.is_none() && end > memory_bytes {
                let mut file = tempfile::tempfile().map_err(spilled(&folder))?;
                file.write_all(&std::mem::take(&mut memory)).map_err(spilled(&folder))?;
                spill = Some(file);
            }
            match &mut spill {
                Some(file) => file.write_all(&crop.levels).map_err(spilled(&folder))?,
                None => memory.extend_from_slice(&crop.levels),
            }
            Ok(())
        })?;
        let crops = match spill {
            Some(file) => Crops::Mapped(map(&file).map_err(Error::io("read", &folder))?),
            None => Crops::Memory(memory),
        };
        let labels = (0..dataset.len()).map(|sample| dataset.label(sample)).collect();
        Ok(Self { pipeline: pipeline.clone(), labels, labelling: dataset.labelling(), places, crops })
    }

    /// What labels say.
    pub fn labelling(&self) -> Labelling {
        self.labelling
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Side of the images, pixels.
    pub fn size(&self) -> usize {
        self.pipeline.size()
    }

    /// Label of each sample.
    pub fn labels(&self) -> &[usize] {
        &self.labels
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
        self.samples(range.collect())
    }

    /// Any samples, as [`Self::batch`] yields them.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn samples(&self, indices: Vec<usize>) -> Batch {
        let bytes: &[u8] = match &self.crops {
            Crops::Memory(bytes) => bytes,
            Crops::Mapped(map) => map,
        };
        let end_of = |sample: usize| self.places.get(sample + 1).map_or(bytes.len(), |place| place.0);
        let mut batch = Batch::blank(|sample| self.labels[sample], self.labelling, &self.pipeline, indices);
        let images = batch.images.par_chunks_exact_mut(self.pipeline.values());
        images.zip(&batch.indices).for_each(|(image, sample)| {
            let (start, width) = self.places[*sample];
            self.pipeline.normalize(width, &bytes[start..end_of(*sample)], image);
        });
        batch
    }
}

/// Decodes on all cores and hands the crops over in order.
fn for_each_crop(
    dataset: &Dataset,
    pipeline: &Pipeline,
    progress: impl Fn(usize) -> Result<()>,
    mut take: impl FnMut(&Crop) -> Result<()>,
) -> Result<()> {
    for first in (0..dataset.len()).step_by(CHUNK) {
        let last = dataset.len().min(first + CHUNK);
        let crop = |sample: usize| {
            let crop = pipeline.eval_crop(&dataset.image(sample)?);
            crop.map_err(|error| error.about(dataset.path(sample).display()))
        };
        let crops: Vec<_> = (first..last).into_par_iter().map(crop).collect();
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
    use crate::config::Registry;
    use crate::data::{Augment, Split};

    #[test]
    fn a_mapped_file_holds_what_memory_holds() {
        let mut data = Registry::load().unwrap().get("demo/Shapes_line/fixup_resnet18/scratch").unwrap().data;
        (data.configs.image_size, data.configs.pre_crop_size) = (16, 20);
        data.configs.test_per_class = Some(30);
        let pipeline = Pipeline::new(&data, Augment::Eval).unwrap();
        let dataset = Dataset::open(&data, Split::Test).unwrap();
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
