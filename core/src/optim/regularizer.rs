//! Penalties on weights: their value for the loss, and what they add to the gradients.

use burn::tensor::Tensor;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::groups::some;
use crate::device::{is_cpu, unreadable};
use crate::error::{Error, Result};
use crate::setting::{Section, regex};

/// `coef` times the sum of squared distances of some weights from a point, added to the loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightRegularizer {
    /// The point.
    pub name: Anchor,
    /// Regular expression that is found in the parameters' names.
    pub regex: String,
    /// Factor, without a half.
    pub coef: f64,
}

/// What weights are drawn to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Anchor {
    /// Zero.
    #[serde(rename = "l2_to_0")]
    Zero,
    /// The weights before training, pre-trained ones included.
    #[serde(rename = "l2_to_w0")]
    Start,
}

impl WeightRegularizer {
    /// Checks the factor.
    ///
    /// # Errors
    /// [`Error::Usage`] naming it.
    pub fn check(&self, section: Section) -> Result<()> {
        section.not_negative(&format!("weight_regularizers: coef of {}", self.regex), self.coef)
    }

    /// The indices of the parameters that it keeps small or near.
    ///
    /// # Errors
    /// [`Error::Usage`] if `regex` is no regular expression, or is found in no name.
    pub fn parameters<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Vec<usize>> {
        let names: Vec<&str> = names.collect();
        let regex = regex(&self.regex)
            .map_err(|error| Error::usage(format!("train.weight_regularizers: {error}")))?;
        let found: Vec<usize> = (0..names.len()).filter(|index| regex.is_match(names[*index])).collect();
        if found.is_empty() {
            return Err(Error::usage(format!(
                "train.weight_regularizers: {} is found in no parameter's name, such as {}",
                self.regex,
                some(names.into_iter())
            )));
        }
        Ok(found)
    }
}

/// All penalties of a run.
#[derive(Debug)]
pub struct Regularizers(Vec<Term>);

/// `coef * sum((parameter - point)^2)`, without a half.
#[derive(Debug)]
struct Term {
    parameter: usize,
    coef: f64,
    /// `[size]`; zero if absent.
    point: Option<Tensor<1>>,
}

impl Regularizers {
    /// The penalties on parameters with these names. `start` gives their values before training, `[size]` each, and is asked
    /// only if a rule measures from there.
    ///
    /// # Errors
    /// Those of [`WeightRegularizer::parameters`], and of `start`.
    pub fn new<'a>(
        rules: &[WeightRegularizer],
        names: impl Iterator<Item = &'a str> + Clone,
        start: impl FnOnce() -> Result<Vec<Tensor<1>>>,
    ) -> Result<Self> {
        let needs_start = rules.iter().any(|rule| rule.name == Anchor::Start);
        let start = if needs_start { start()? } else { Vec::new() };
        let mut terms = Vec::new();
        for rule in rules {
            for parameter in rule.parameters(names.clone())? {
                let point = (rule.name == Anchor::Start).then(|| start[parameter].clone());
                terms.push(Term { parameter, coef: rule.coef, point });
            }
        }
        Ok(Self(terms))
    }

    /// Adds the gradients of the penalties to those of the loss, and returns the sum of the penalties.
    pub fn add_gradients(&self, parameters: &[&Tensor<1>], gradients: &mut [Tensor<1>]) -> Penalty {
        let mut sum = Penalty::default();
        for Term { parameter, coef, point } in &self.0 {
            let value = parameters[*parameter].clone();
            let distance = match point {
                Some(point) => value - point.clone(),
                None => value,
            };
            let gradient = &mut gradients[*parameter];
            *gradient = gradient.clone() + distance.clone() * (2.0 * coef);
            if is_cpu(&distance.device()) {
                sum.known += coef * sum_of_squares(distance);
            } else {
                sum.on_device.push(distance.square().sum() * *coef);
            }
        }
        sum
    }
}

/// The sum of the penalties of a step.
#[derive(Debug, Default)]
pub struct Penalty {
    known: f64,
    /// `[1]` each; read later, so that a GPU need not be waited for.
    on_device: Vec<Tensor<1>>,
}

impl Penalty {
    /// Its value.
    ///
    /// # Errors
    /// [`Error::Run`] if the device does not give it back.
    pub fn read(self) -> Result<f64> {
        if self.on_device.is_empty() {
            return Ok(self.known);
        }
        let values: Vec<f32> = Tensor::cat(self.on_device, 0).try_into_vec_as().map_err(unreadable)?;
        Ok(self.known + values.into_iter().map(f64::from).sum::<f64>())
    }
}

/// In double precision, cut into the same pieces whatever the number of threads.
fn sum_of_squares(values: Tensor<1>) -> f64 {
    const CHUNK: usize = 1 << 14;
    let values: Vec<f32> = values.into_data().try_into_vec().expect("parameters are float32");
    let square = |value: &f32| f64::from(*value) * f64::from(*value);
    let sums: Vec<f64> =
        values.par_chunks(CHUNK).map(|chunk| chunk.iter().map(square).sum::<f64>()).collect();
    sums.iter().sum()
}
