//! What to do when a batch does not fit into the memory of a device: the size of micro-batch that does is found by halving.

use burn::tensor::Tensor;

use super::gradients::{BatchGradients, Passes};
use super::step::Learner;
use crate::data::{Batch, source};
use crate::device::{describe, guarded};
use crate::error::{Error, Result};
use crate::evaluate::loss::Targets;
use crate::evaluate::values;
use crate::job::Job;
use crate::model::Network;

impl Learner<'_> {
    /// The error; where a device had not enough memory, one that names the `train.micro_batch` that would fit.
    pub(super) fn with_memory_hint(&self, error: Error, job: &Job) -> Error {
        match error {
            Error::Memory(_) => self.too_large(job),
            error => error,
        }
    }

    fn too_large(&self, job: &Job) -> Error {
        let train = &self.experiment.train;
        let share = train.batch_size.div_ceil(job.devices().count());
        let tried = if train.micro_batch == 0 { share } else { train.micro_batch.min(share) };
        let mut halves =
            std::iter::successors(Some(tried / 2), |size| Some(size / 2)).take_while(|size| *size > 0);
        let fitting = halves.find(|size| self.fits(*size, job).is_ok());
        let remedy = match fitting {
            Some(size) => format!(
                "{size} fit: set train.micro_batch={size}, which changes no gradient, and run the same command again"
            ),
            None => {
                "not one fits: choose a device with more memory, or lower data.configs.image_size".to_owned()
            }
        };
        Error::Memory(format!(
            "{} has not enough memory for {tried} images of {} pixels at once (train.batch_size is {}); {remedy}",
            describe(&job.device),
            self.experiment.data.configs.image_size,
            train.batch_size
        ))
    }

    /// Whether passes over micro-batches of that many images fit beside the network and its optimizer.
    fn fits(&self, micro_batch: usize, job: &Job) -> Result<()> {
        let (train, size) = (&self.experiment.train, self.experiment.data.configs.image_size);
        let count = train.batch_size;
        let batch = Batch {
            indices: Vec::new(),
            labels: vec![0; count],
            labelling: source(&self.experiment.data.name)?.labelling(),
            images: vec![0.0; count * 3 * size * size],
            size,
        };
        let targets = Targets { first: batch.labels.clone(), second: None };
        // What a step without memory has left of the parameters cannot be computed with.
        let blank = self.network.parameters.iter().map(|values| Tensor::zeros(values.shape(), &job.device));
        let network = Network { arch: self.network.arch.clone(), parameters: blank.collect() };
        let (precision, label_smoothing) = (train.precision, train.label_smoothing);
        let passes = Passes { micro_batch, precision, label_smoothing };
        guarded(|| {
            let computed = BatchGradients::of(&network, &batch, &targets, passes, job);
            values(Tensor::cat(computed.gradients, 0)).map(|_| ())
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::config::Registry;
    use crate::job::Stop;
    use crate::model::{Arch, initial_state};
    use crate::optim::{Optimizer, Regularizers};
    use crate::train::mixup::Mixup;

    #[test]
    fn a_batch_without_room_gets_the_next_smaller_that_fits() {
        let mut experiment =
            Registry::load().unwrap().get("demo/Shapes_photo/fixup_resnet18/pretrain").unwrap();
        experiment.data.configs.image_size = 16;
        experiment.train.batch_size = 12;
        let (device, stop) = (Device::flex(), Stop::default());
        let job = Job { device: device.clone(), others: &[], emit: &|_| {}, stop: &stop };
        let arch = Arch::new(&experiment.model.arch, 10).unwrap();
        let network = Network::new(arch.clone(), &initial_state(&arch, 0), &device).unwrap();
        let optimizer = Optimizer::new(&experiment.optimizer, network.trained()).unwrap();
        let regularizers = Regularizers::new(&[], std::iter::empty(), || Ok(Vec::new())).unwrap();
        let mixup = Mixup::new(&experiment);
        let (experiment, average, unread) = (&experiment, None, Vec::new());
        let learner = Learner { experiment, network, average, optimizer, regularizers, mixup, unread };
        let text = learner.too_large(&job).to_string();
        for part in ["12 images of 16 pixels", "6 fit: set train.micro_batch=6", "cpu"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
