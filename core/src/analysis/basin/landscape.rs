//! The networks around a segment.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::search::{Line, Noise, Place};
use crate::analysis::statistics::TrainingImages;
use crate::checkpoint::Change;
use crate::data::EvalImages;
use crate::error::Result;
use crate::evaluate::{Evaluation, evaluate};
use crate::job::Job;
use crate::model::Network;
use crate::random::{Keyed, Purpose};

/// Two networks and the images on which those around them are measured, decoded when the first is.
pub(super) struct Landscape<'a> {
    one: &'a Network,
    two: &'a Network,
    images: Option<(EvalImages, Option<TrainingImages>)>,
}

impl<'a> Landscape<'a> {
    pub fn new(one: &'a Network, two: &'a Network) -> Self {
        Self { one, two, images: None }
    }

    /// The line through both, over trained parameters.
    pub fn line(&self) -> Line {
        let distance = |(one, two): (&Tensor<1>, &Tensor<1>)| {
            let [one, two] = [one, two].map(|values| values.to_data().iter::<f32>().collect::<Vec<f32>>());
            (Change::between(&one, &two).l2().powi(2), one.len())
        };
        let pairs = self.one.trained().zip(self.two.trained());
        let (squares, parameters) = pairs
            .map(|((_, one), (_, two))| distance((one, two)))
            .fold((0.0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
        Line { distance: squares.sqrt(), parameters }
    }

    /// The network of a place on all images, with running statistics of its own where there are training images.
    pub fn measure(
        &mut self,
        place: Place,
        decode: impl FnOnce() -> Result<(EvalImages, Option<TrainingImages>)>,
        job: &Job,
    ) -> Result<Evaluation> {
        let (images, training) = match &mut self.images {
            Some(images) => images,
            none => none.insert(decode()?),
        };
        let mut network = self.one.blend(self.two, place.coefficient);
        if let Some(noise) = place.noise {
            add(noise, &mut network, &job.device);
        }
        if let Some(training) = training {
            network = training.measure(network, job)?;
        }
        evaluate(&network, images, job)
    }
}

/// Adds normal noise to each trained parameter: that of a draw, times the deviation.
fn add(noise: Noise, network: &mut Network, device: &Device) {
    let lengths: Vec<usize> = network.trained().map(|(_, values)| values.dims()[0]).collect();
    let normal = |(index, length): (usize, &usize)| -> Vec<f32> {
        let mut random = Keyed::new(0, Purpose::Basin, noise.draw as u64, 1 + index as u64);
        (0..*length).map(|_| random.normal() as f32).collect()
    };
    let drawn: Vec<Vec<f32>> = lengths.par_iter().enumerate().map(normal).collect();
    for (values, (drawn, length)) in network.trained_mut().zip(drawn.into_iter().zip(lengths)) {
        let drawn = Tensor::<1>::from_data(TensorData::new(drawn, [length]), device);
        *values = values.clone() + drawn * noise.deviation();
    }
}
