//! One experiment with every setting resolved, named as the reference's bindings are.

use serde::{Deserialize, Serialize};

use super::{Data, Train};
use crate::error::Result;
use crate::file::digest;
use crate::optim::{LrScheduler, OptimizerSettings, WarmUp};

/// All settings of one run. `--set` paths are the dotted field names below (`train.epochs`, `data.configs.data_dir`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Name in the registry and folder below the base folder.
    pub key: String,
    /// Which of the reference's two training scripts the settings belong to.
    pub script: Script,
    /// Devices the reference ran this key on, such as `1xV100`. For information.
    pub gpu_spec: String,
    /// Where the samples come from and how they are prepared.
    pub data: Data,
    /// The network.
    pub model: Model,
    /// The training loop.
    pub train: Train,
    /// The update rule and its learning rates.
    pub optimizer: OptimizerSettings,
    /// How the learning rate changes after each epoch; it is constant if absent.
    pub lr_scheduler: Option<LrScheduler>,
    /// Seeds of the two sources of chance.
    pub seed: Seed,
}

impl Experiment {
    /// The seed of the initial weights.
    pub fn init_seed(&self) -> u64 {
        self.seed.init.wrapping_add(self.key_seed())
    }

    /// The seed of order, augmentation and mixup.
    pub fn order_seed(&self) -> u64 {
        self.seed.order.wrapping_add(self.key_seed())
    }

    /// How the learning rates begin.
    pub fn warm_up(&self) -> WarmUp {
        WarmUp { epochs: self.train.warmup_epochs, start: self.train.warmup_lr / self.optimizer.base_lr }
    }

    /// What the key adds to both seeds.
    fn key_seed(&self) -> u64 {
        let hex = digest(&self.key);
        if self.seed.by_key { u64::from_str_radix(&hex[..16], 16).unwrap_or_default() } else { 0 }
    }

    /// Checks every setting that has a range. What depends on the data set and on the names of a network's parameters is checked
    /// where these are known, before training.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the setting, its value and what it may be.
    pub fn check(&self) -> Result<()> {
        self.train.check()?;
        self.optimizer.check()?;
        self.lr_scheduler.as_ref().map_or(Ok(()), LrScheduler::check)?;
        self.data.check()
    }
}

/// The reference's training scripts; each has its own loss, metrics and data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Script {
    /// One label per image: DomainNet, CIFAR-10, ImageNet, folders of images and the drawn shapes.
    #[serde(rename = "imagenet_train.py")]
    Imagenet,
    /// Five labels per image: CheXpert.
    #[serde(rename = "chexpert_train.py")]
    Chexpert,
}

impl Script {
    /// Its file's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Imagenet => "imagenet_train.py",
            Self::Chexpert => "chexpert_train.py",
        }
    }
}

/// The network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Architecture: `fixup_resnet18|34|50|101|152`, `torchvision/resnet18|34|50|101|152`.
    pub arch: String,
    /// Options of the architecture.
    pub kwargs: ModelKwargs,
}

/// Options of the architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelKwargs {
    /// Start the last layer at zero instead of PyTorch's default.
    pub zero_fc_init: bool,
}

/// Seeds of the two sources of chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Initial weights.
    pub init: u64,
    /// Order, augmentation and mixup.
    pub order: u64,
    /// Draw both by the key too. Otherwise keys with equal seeds, such as `seed0` to `seed2` of a shuffle, start from the same weights
    /// and see their images in the same order.
    #[serde(default)]
    pub by_key: bool,
}
