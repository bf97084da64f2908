//! The data loader: threads that prepare the next batches while the current one is trained on.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::batch::Batch;
use super::dataset::Dataset;
use super::pipeline::Pipeline;
use super::transform::Crop;
use crate::error::{Error, Result};

/// Batches that are prepared before the first of them is taken.
const BATCHES_AHEAD: usize = 3;

/// Iterates over prepared batches in the order given, whatever the number of threads.
///
/// At most three batches are held at a time. Dropping the loader stops its threads after the sample each is at.
#[derive(Debug)]
pub struct Loader {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    dataset: Arc<Dataset>,
    pipeline: Arc<Pipeline>,
    batches: Vec<Vec<usize>>,
    epoch: u64,
    queue: Mutex<Queue>,
    /// The front batch is finished.
    finished: Condvar,
    /// A batch was taken, or the threads shall stop.
    room: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    /// Batches that the consumer has taken.
    taken: usize,
    /// Batches begun and not yet taken, the next one first.
    begun: VecDeque<Begun>,
    stop: bool,
}

/// A batch on its way.
#[derive(Debug)]
struct Begun {
    /// Samples that a thread has set out to prepare.
    started: usize,
    /// Samples that are still missing.
    missing: usize,
    /// What is there, by position in the batch.
    crops: Vec<Option<Result<Crop>>>,
    batch: Option<Result<Batch>>,
}

/// One sample to prepare: position of its batch, and its position in there.
#[derive(Clone, Copy)]
struct Task {
    batch: usize,
    place: usize,
}

impl Loader {
    /// Starts `workers` threads (at least one) on `batches`, lists of samples of `dataset`; to resume within an epoch,
    /// pass what is left of its batches. Empty ones are skipped.
    ///
    /// Each item is a batch, or the first error among its samples, which names the sample's file.
    ///
    /// # Errors
    /// [`Error::Run`] if the system refuses a thread.
    pub fn new(
        dataset: Arc<Dataset>,
        pipeline: Arc<Pipeline>,
        mut batches: Vec<Vec<usize>>,
        epoch: u64,
        workers: usize,
    ) -> Result<Self> {
        batches.retain(|batch| !batch.is_empty());
        let shared = Arc::new(Shared {
            dataset,
            pipeline,
            batches,
            epoch,
            queue: Mutex::default(),
            finished: Condvar::new(),
            room: Condvar::new(),
        });
        let mut loader = Self { shared, threads: Vec::new() };
        for worker in 0..workers.max(1) {
            let shared = Arc::clone(&loader.shared);
            let thread = Builder::new()
                .name(format!("basin-loader-{worker}"))
                .spawn(move || shared.work())
                .map_err(|error| {
                Error::run(format!("cannot start a loader thread ({error}); lower train.data_workers"))
            })?;
            loader.threads.push(thread);
        }
        Ok(loader)
    }
}

impl Iterator for Loader {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let shared = &self.shared;
        let mut queue = shared.lock();
        while queue.taken < shared.batches.len() {
            if let Some(batch) = queue.begun.front_mut().and_then(|begun| begun.batch.take()) {
                queue.begun.pop_front();
                queue.taken += 1;
                shared.room.notify_all();
                return Some(batch);
            }
            queue = shared.finished.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.room.notify_all();
        for thread in self.threads.drain(..) {
            // A panic within a sample was caught and delivered; there is no other.
            thread.join().ok();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread's life: sample after sample, and whoever finishes a batch's last sample puts the batch together.
    fn work(&self) {
        while let Some(task) = self.next_task() {
            let crop = caught(|| self.crop(self.batches[task.batch][task.place]));
            let Some(crops) = self.deliver(task, crop) else { continue };
            let batch = caught(|| self.assemble(task.batch, crops));
            let mut queue = self.lock();
            let position = task.batch - queue.taken;
            queue.begun[position].batch = Some(batch);
            self.finished.notify_one();
        }
    }

    /// Waits for room, then takes the first sample that nobody has started; `None` at the end.
    fn next_task(&self) -> Option<Task> {
        let mut queue = self.lock();
        loop {
            if queue.stop {
                return None;
            }
            let taken = queue.taken;
            if let Some(task) = queue.start_sample(taken) {
                return Some(task);
            }
            let batch = taken + queue.begun.len();
            if batch >= self.batches.len() {
                return None;
            }
            if queue.begun.len() < BATCHES_AHEAD {
                queue.begun.push_back(Begun::new(self.batches[batch].len()));
            } else {
                queue = self.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn crop(&self, sample: usize) -> Result<Crop> {
        let crop = self.pipeline.crop(&self.dataset.image(sample)?, self.epoch, sample);
        crop.map_err(|error| error.about(self.dataset.path(sample).display()))
    }

    /// Hands over a sample; all of the batch if that was the last one missing.
    fn deliver(&self, task: Task, crop: Result<Crop>) -> Option<Vec<Option<Result<Crop>>>> {
        let mut queue = self.lock();
        let position = task.batch - queue.taken;
        let begun = &mut queue.begun[position];
        begun.crops[task.place] = Some(crop);
        begun.missing -= 1;
        (begun.missing == 0).then(|| std::mem::take(&mut begun.crops))
    }

    fn assemble(&self, batch: usize, crops: Vec<Option<Result<Crop>>>) -> Result<Batch> {
        let crops = crops.into_iter().flatten().collect::<Result<Vec<_>>>()?;
        let (dataset, indices) = (&self.dataset, self.batches[batch].clone());
        let mut out =
            Batch::blank(|sample| dataset.label(sample), dataset.labelling(), &self.pipeline, indices);
        self.pipeline.normalize_all(&crops, &mut out.images);
        let images = out.images.chunks_exact_mut(self.pipeline.values());
        out.indices
            .iter()
            .zip(images)
            .for_each(|(&sample, image)| self.pipeline.erase(self.epoch, sample, image));
        Ok(out)
    }
}

impl Queue {
    fn start_sample(&mut self, taken: usize) -> Option<Task> {
        let (position, begun) =
            self.begun.iter_mut().enumerate().find(|(_, begun)| begun.started < begun.crops.len())?;
        begun.started += 1;
        Some(Task { batch: taken + position, place: begun.started - 1 })
    }
}

impl Begun {
    fn new(len: usize) -> Self {
        Self { started: 0, missing: len, crops: (0..len).map(|_| None).collect(), batch: None }
    }
}

/// A panic on one sample must not leave the consumer waiting for ever.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::run("preparing a batch failed; the message above names the place")))
}
