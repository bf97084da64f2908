//! What settings must satisfy, and which of them make a run another run.

use serde_json::Value;

use super::overrides::flat_settings;
use super::{Experiment, LrScheduler, UpdateRule};
use crate::error::{Error, Result};
use crate::model::Arch;

/// Settings that may change between two starts of a run: where things lie, how fast they are read, and what is kept.
const FREE: [&str; 11] = [
    "data.configs.data_dir",
    "data.index_paths",
    "data.index_paths.train",
    "data.index_paths.dev",
    "data.index_paths.test",
    "data.configs.cache_bitmap",
    "train.data_workers",
    "train.micro_batch",
    "train.keep_every",
    "train.keep",
    "gpu_spec",
];
/// A setting of which only the presence counts; a run records the digest of what it names.
const PRETRAINED: &str = "train.finetune_from";
/// Largest count of anything; more is a slip of the finger, and would only exhaust the memory.
const LARGEST: usize = 10_000_000;

impl Experiment {
    /// Checks every setting that has a range.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the setting, its value and what it may be.
    pub fn validate(&self) -> Result<()> {
        let configs = &self.data.configs;
        let (train, optimizer) = (&self.train, &self.optimizer);
        let positive = [
            ("train.batch_size", train.batch_size),
            ("train.epochs", train.epochs),
            ("train.data_workers", train.data_workers),
            ("data.configs.image_size", configs.image_size),
            ("data.configs.subsample.size", configs.subsample.map_or(1, |subsample| subsample.size)),
            ("data.configs.train_per_class", configs.train_per_class.unwrap_or(1)),
            ("data.configs.test_per_class", configs.test_per_class.unwrap_or(1)),
        ];
        for (path, value) in positive {
            require((1..=LARGEST).contains(&value), path, value, &format!("from 1 to {LARGEST}"))?;
        }
        let micro = train.micro_batch;
        require(micro <= LARGEST, "train.micro_batch", micro, &format!("from 0 to {LARGEST}"))?;
        let above_zero = |value: f64| value > 0.0 && value.is_finite();
        let not_negative = |value: f64| value >= 0.0 && value.is_finite();
        require(above_zero(optimizer.base_lr), "optimizer.base_lr", optimizer.base_lr, "above 0")?;
        let decay = optimizer.weight_decay;
        require(not_negative(decay), "optimizer.weight_decay", decay, "0 or more")?;
        let is_share = |value: f64| (0.0..1.0).contains(&value);
        let share = |path: &str, value: f64| require(is_share(value), path, value, "from 0 to below 1");
        match optimizer.rule {
            UpdateRule::Sgd(sgd) => {
                share("optimizer.kwargs.momentum", sgd.momentum)?;
                share("optimizer.kwargs.dampening", sgd.dampening)?;
                require(
                    !sgd.nesterov || (sgd.momentum > 0.0 && sgd.dampening == 0.0),
                    "optimizer.kwargs.nesterov",
                    sgd.nesterov,
                    "false unless momentum is above 0 and dampening 0",
                )?;
            }
            UpdateRule::Adam(adam) | UpdateRule::AdamW(adam) => {
                adam.betas.iter().try_for_each(|beta| share("optimizer.kwargs.betas", *beta))?;
                require(not_negative(adam.eps), "optimizer.kwargs.eps", adam.eps, "0 or more")?;
            }
        }
        for (pattern, rate) in &optimizer.custom_lrs {
            require(not_negative(*rate), &format!("optimizer.custom_lrs of {pattern}"), rate, "0 or more")?;
        }
        require(not_negative(train.mixup_alpha), "train.mixup_alpha", train.mixup_alpha, "0 or more")?;
        require(
            !train.mixup_per_sample || train.mixup_alpha > 0.0,
            "train.mixup_per_sample",
            train.mixup_per_sample,
            "false where train.mixup_alpha is 0",
        )?;
        for rule in &train.weight_regularizers {
            let path = format!("train.weight_regularizers: coef of {}", rule.regex);
            require(not_negative(rule.coef), &path, rule.coef, "0 or more")?;
        }
        if let Some(scheduler) = &self.lr_scheduler {
            let kwarg = |name: &str| format!("lr_scheduler.kwargs.{name}");
            let epochs = |name: &str, value: usize| require(value > 0, &kwarg(name), value, "at least 1");
            match *scheduler {
                LrScheduler::StepLR { step_size, gamma } => {
                    epochs("step_size", step_size)?;
                    require(above_zero(gamma), &kwarg("gamma"), gamma, "above 0")?;
                }
                LrScheduler::MultiStepLR { gamma, .. } | LrScheduler::ExponentialLR { gamma } => {
                    require(above_zero(gamma), &kwarg("gamma"), gamma, "above 0")?;
                }
                LrScheduler::CosineAnnealingLR { t_max, eta_min } => {
                    epochs("T_max", t_max)?;
                    require(not_negative(eta_min), &kwarg("eta_min"), eta_min, "0 or more")?;
                }
                LrScheduler::LinearLR { start_factor, end_factor, total_iters } => {
                    epochs("total_iters", total_iters)?;
                    let is_share = above_zero(start_factor) && start_factor <= 1.0;
                    require(is_share, &kwarg("start_factor"), start_factor, "above 0 and at most 1")?;
                    require(
                        (0.0..=1.0).contains(&end_factor),
                        &kwarg("end_factor"),
                        end_factor,
                        "from 0 to 1",
                    )?;
                }
            }
        }
        crate::data::check(&self.data, self.script)?;
        let (size, pre_crop) = (configs.image_size, configs.pre_crop_size);
        let at_least = format!("at least data.configs.image_size, {size}");
        require(pre_crop >= size, "data.configs.pre_crop_size", pre_crop, &at_least)?;
        if let Some(shuffle) = configs.shuffle_block_config {
            let block = shuffle.block_size;
            let divides = block > 0 && size.is_multiple_of(block);
            let divisors: Vec<String> =
                (1..=size).filter(|b| size.is_multiple_of(*b)).map(|b| b.to_string()).collect();
            let range = format!("a divisor of data.configs.image_size, {size}: {}", divisors.join(", "));
            require(divides, "data.configs.shuffle_block_config.block_size", block, &range)?;
        }
        // The number of classes changes no name.
        let arch = Arch::new(&self.model.arch, 1)?;
        let names = || arch.parameters.iter().map(|spec| spec.name.as_str());
        optimizer.groups(names())?;
        train.weight_regularizers.iter().try_for_each(|rule| rule.parameters(names()).map(|_| ()))
    }

    /// The settings that differ from another start of the same run, as `path: old -> new`. More epochs than before are
    /// no difference: the run goes on.
    pub fn difference(&self, new: &Self) -> Vec<String> {
        let [old_settings, new_settings] = [self, new].map(flat_settings);
        let find = |settings: &[(String, Value)], path: &str| {
            settings.iter().find(|(known, _)| known == path).map_or("none".to_owned(), |(_, v)| v.to_string())
        };
        let more_epochs = new.train.epochs >= self.train.epochs;
        let added = new_settings.iter().filter(|(path, _)| !old_settings.iter().any(|(old, _)| old == path));
        old_settings
            .iter()
            .chain(added)
            .map(|(path, _)| path.as_str())
            .filter(|path| !(FREE.contains(path) || more_epochs && *path == "train.epochs"))
            .map(|path| (path, find(&old_settings, path), find(&new_settings, path)))
            .filter(|(path, old, new)| old != new && (*path != PRETRAINED || old == "null" || new == "null"))
            .map(|(path, old, new)| format!("{path}: {old} -> {new}"))
            .collect()
    }
}

fn require(holds: bool, path: &str, value: impl std::fmt::Display, range: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::usage(format!("{path} is {value}; it must be {range}"))) }
}
