//! A module at a place of its path, with noise.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::plan::Plan;
use crate::error::Result;
use crate::random::{Keyed, Purpose};

/// One draw at one point of a surface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The module's position in the architecture.
    pub module: usize,
    /// Which place of the path.
    pub position: usize,
    /// Standard deviation of the noise.
    pub sigma: f64,
    /// Number of the draw.
    pub draw: usize,
}

/// Makes the values of modules. It keeps the last place and the last draw, which many points in a row share.
///
/// Noise is keyed by parameter and draw: no point depends on the others, nor on the order of points. All points of a module
/// share their draws, scaled by sigma. That leaves each mean what it is, makes surfaces smooth, and spares drawing
/// millions of numbers for each point.
pub struct Perturbation<'a> {
    plan: &'a Plan,
    place: Kept<Tensor<1>>,
    /// Nothing for what is no parameter.
    noise: Kept<Option<Tensor<1>>>,
}

/// Values by module, and position or draw.
type Kept<T> = Option<((usize, usize), Vec<T>)>;

impl<'a> Perturbation<'a> {
    /// With nothing kept.
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, place: None, noise: None }
    }

    /// The values of the module, one tensor for each of its parameters. Running statistics have no noise, which could make
    /// variances negative.
    pub fn values(&mut self, at: Place) -> Result<Vec<Tensor<1>>> {
        let plan = self.plan;
        let module = &plan.end.arch.modules()[at.module];
        let place = kept(&mut self.place, (at.module, at.position), || plan.values(module, at.position))?;
        if at.sigma == 0.0 {
            return Ok(place.to_vec());
        }
        let noise = kept(&mut self.noise, (at.module, at.draw), || {
            let draw = |index: &usize| {
                let is_trained = plan.end.arch.parameters[*index].is_trained();
                let values = &plan.end.parameters[*index];
                let length = values.dims()[0];
                is_trained.then(|| normal(plan.grid.seed, at.draw, *index, length, &values.device()))
            };
            Ok(module.parameters.iter().map(draw).collect())
        })?;
        let perturbed = place.iter().zip(noise).map(|(place, noise)| match noise {
            Some(noise) => place.clone() + noise.clone() * at.sigma,
            None => place.clone(),
        });
        Ok(perturbed.collect())
    }
}

/// What is kept under a key, made if it is not there.
fn kept<T>(kept: &mut Kept<T>, key: (usize, usize), make: impl FnOnce() -> Result<Vec<T>>) -> Result<&[T]> {
    let values = match kept.take() {
        Some((known, values)) if known == key => values,
        _ => make()?,
    };
    Ok(&kept.insert((key, values)).1)
}

/// Standard normal values for a parameter.
fn normal(seed: u64, draw: usize, parameter: usize, length: usize, device: &Device) -> Tensor<1> {
    /// Values of one stream, so that all cores draw.
    const PART: usize = 1 << 16;
    let mut values = vec![0.0; length];
    values.par_chunks_mut(PART).enumerate().for_each(|(part, values)| {
        let mut random = Keyed::new(seed, Purpose::Noise, draw as u64, (parameter << 16 | part) as u64);
        values.fill_with(|| random.normal() as f32);
    });
    Tensor::from_data(TensorData::new(values, [length]), device)
}
