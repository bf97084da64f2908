//! What the paper does not say about a bar, and what was measured once it is chosen.

use serde::{Deserialize, Serialize};

use super::{Finished, Statistic};
use crate::config::{Script, Seed};
use crate::error::{Error, Result};
use crate::run::tag::{EVAL_TRAIN_ACCURACY, TEST_ACCURACY};

/// How runs become one bar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The `optimizer.base_lr` of all bars. Unless set, each bar has the one that is best by the mean accuracy on test images:
    /// the paper names none, and its numbers need the best in Figure 7.
    pub rate: Option<f64>,
    /// The first epoch in the mean of the training accuracy. 1 leaves out the network before training, which was not trained
    /// at all; the paper does not say which (the difference is below one point over 100 epochs).
    pub first_epoch: usize,
}

impl Default for Choice {
    fn default() -> Self {
        Self { rate: None, first_epoch: 1 }
    }
}

/// A bar, or a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// `optimizer.base_lr`.
    pub rate: f64,
    /// Accuracy on test images after the last epoch, percent.
    pub test: Statistic,
    /// Mean accuracy over the epochs on training images in evaluation mode, percent; absent where it was not measured.
    pub train: Option<Statistic>,
    /// The runs.
    pub instances: Vec<Instance>,
}

/// A run of a bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its key.
    pub key: String,
    /// Which instance of the key.
    pub replicate: u64,
    /// Seed of its shuffle, if it has one.
    pub shuffle_seed: Option<u32>,
    /// Accuracy on test images after the last epoch, percent.
    pub test: f64,
    /// Mean accuracy over the epochs on training images in evaluation mode, percent.
    pub train: Option<f64>,
}

impl Choice {
    /// Measures runs that differ in learning rate and chance alone; `None` if no run has the rate.
    ///
    /// # Errors
    /// [`Error::Usage`] naming what else the runs differ in, or a run whose accuracy is none of classes.
    pub(super) fn measure(&self, runs: &[&Finished]) -> Result<Option<Measured>> {
        let rate_of = |run: &Finished| run.experiment.optimizer.base_lr;
        let mut rates: Vec<f64> = runs.iter().map(|run| rate_of(run)).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        rates.retain(|rate| self.rate.is_none_or(|wanted| wanted == *rate));
        let mut best: Option<Measured> = None;
        for rate in rates {
            let runs: Vec<&Finished> = runs.iter().copied().filter(|run| rate_of(run) == rate).collect();
            same_settings(&runs)?;
            let instances = runs.iter().map(|run| self.instance(run)).collect::<Result<Vec<Instance>>>()?;
            let Some(test) = Statistic::of(instances.iter().map(|run| run.test)) else { continue };
            let train = Statistic::of(instances.iter().filter_map(|run| run.train));
            if best.as_ref().is_none_or(|best| test.mean > best.test.mean) {
                best = Some(Measured { rate, test, train, instances });
            }
        }
        Ok(best)
    }

    fn instance(&self, run: &Finished) -> Result<Instance> {
        let (key, configs) = (run.key.clone(), &run.experiment.data.configs);
        let test = match run.experiment.script {
            Script::Imagenet => run.last(TEST_ACCURACY),
            Script::Chexpert => None,
        };
        let test = test.ok_or_else(|| {
            Error::usage(format!(
                "{key} has no accuracy of classes ({TEST_ACCURACY}); narrow the regular expression"
            ))
        })?;
        let pixels = configs.shuffle_pixel_config.map(|shuffle| shuffle.seed);
        let shuffle_seed = pixels.or(configs.shuffle_block_config.map(|shuffle| shuffle.seed));
        Ok(Instance {
            key,
            replicate: run.replicate,
            shuffle_seed,
            test,
            train: run.mean(EVAL_TRAIN_ACCURACY, self.first_epoch),
        })
    }

    /// How numbers are made, a sentence each.
    pub(super) fn notes(&self) -> Vec<String> {
        let rate = match self.rate {
            None => "each number is of the learning rate with the best mean test accuracy (--rate fixes one)"
                .to_owned(),
            Some(rate) => {
                format!("all runs have optimizer.base_lr {rate} (without --rate, each number has its best)")
            }
        };
        vec![
            "test accuracy is that after the last epoch; ± is the standard deviation over seeds and replicates".to_owned(),
            format!(
                "training accuracy is measured in evaluation mode and is the mean over the epochs from {} on (--first-epoch)",
                self.first_epoch
            ),
            rate,
        ]
    }

    /// The error when a rate leaves nothing.
    pub(super) fn nothing(&self, runs: &[Finished]) -> Error {
        let mut rates: Vec<f64> = runs.iter().map(|run| run.experiment.optimizer.base_lr).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        let rates: Vec<String> = rates.iter().map(f64::to_string).collect();
        let wanted = self.rate.unwrap_or(f64::NAN);
        Error::usage(format!("no run has optimizer.base_lr {wanted}; there are {}", rates.join(", ")))
    }
}

/// Runs that are summed up may differ in nothing but chance, and in where files lie.
///
/// # Errors
/// [`Error::Usage`] naming two that differ otherwise, and in what.
pub(super) fn same_settings(runs: &[&Finished]) -> Result<()> {
    let Some((first, rest)) = runs.split_first() else { return Ok(()) };
    let without_chance = |run: &Finished| {
        let mut experiment = run.experiment.clone();
        experiment.key.clear();
        experiment.seed = Seed { init: 0, order: 0, by_key: false };
        let configs = &mut experiment.data.configs;
        configs.shuffle_block_config.iter_mut().for_each(|shuffle| shuffle.seed = 0);
        configs.shuffle_pixel_config.iter_mut().for_each(|shuffle| shuffle.seed = 0);
        experiment
    };
    let one = without_chance(first);
    for run in rest {
        let other = without_chance(run);
        // To this comparison, more epochs are no difference.
        let mut difference = one.difference(&other);
        if difference.is_empty() {
            difference = other.difference(&one);
        }
        if !difference.is_empty() {
            return Err(Error::usage(format!(
                "{} (replicate {}) and {} (replicate {}) cannot be summed up, as they differ in {}; narrow the regular \
                 expression",
                first.key,
                first.replicate,
                run.key,
                run.replicate,
                difference.join(", ")
            )));
        }
    }
    Ok(())
}
