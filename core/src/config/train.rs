//! Settings of the training loop.

use serde::{Deserialize, Serialize};

use crate::device::Precision;
use crate::error::Result;
use crate::file::deserialize_optional_path;
use crate::optim::WeightRegularizer;
use crate::setting::Section;

/// How the head starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// Drawn at random.
    #[default]
    Drawn,
    /// As a linear probe: a logistic regression, fitted to the features that the weights of `finetune_from` give for the training
    /// images. Fine-tuning then goes on from it (LP-FT, Kumar et al. 2022); the checkpoint of epoch 0 is the probe.
    Probed,
    /// As the checkpoint has it, for data with the same classes.
    Kept,
}

/// The training loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// Samples of one update of the parameters.
    pub batch_size: usize,
    /// Gradient accumulation: samples of one forward and backward pass on a device, 0 for all of its share of the batch. Fewer
    /// take less memory and give the same gradient; only batch normalisation takes its statistics over them alone.
    #[serde(default)]
    pub micro_batch: usize,
    /// Mixed precision: what convolutions compute in while training; parameters, their update and evaluation stay in single
    /// precision.
    #[serde(default)]
    pub precision: Precision,
    /// Passes over the training data.
    pub epochs: usize,
    /// Threads that prepare samples; never changes a result.
    pub data_workers: usize,
    /// Checkpoint to start from; whether its head is taken over, `head` says.
    #[serde(default, deserialize_with = "deserialize_optional_path")]
    pub finetune_from: Option<String>,
    /// Part of that file that holds the weights, such as `state_dict_ema`, where it holds several.
    #[serde(default)]
    pub finetune_part: Option<String>,
    /// What the names in that file begin with and lose, such as `module.encoder_q.`; tensors whose names begin otherwise are left
    /// out. Unless set, a prefix is found where all names stand behind one.
    #[serde(default)]
    pub finetune_strip: Option<String>,
    /// How the head starts: `drawn` at random, `probed`, fitted to the features of the training images (linear probing, then
    /// fine-tuning), or `kept`, as the checkpoint has it for data with the same classes.
    #[serde(default)]
    pub head: Head,
    /// Regular expressions; parameters in whose names one is found stay as they start. Batch normalisation that is frozen uses its
    /// running statistics, and leaves them as they are.
    #[serde(default)]
    pub freeze: Vec<String>,
    /// Share of each label that is spread evenly over all classes (Szegedy et al. 2016); 0 for none.
    #[serde(default)]
    pub label_smoothing: f64,
    /// Largest norm of all gradients together; a larger one is scaled down to it (PyTorch's `clip_grad_norm_`). 0 for no bound.
    #[serde(default)]
    pub clip_grad: f64,
    /// Epochs in which the learning rate rises in a straight line from `warmup_lr` to `optimizer.base_lr`; the schedule counts them
    /// too (timm's `warmup_epochs`).
    #[serde(default)]
    pub warmup_epochs: usize,
    /// Learning rate of the first of them, for the default group; the others rise by the same factor.
    #[serde(default)]
    pub warmup_lr: f64,
    /// Exponential moving average of the weights: after each step it is this times the average, the rest of one the new weights. It is
    /// evaluated beside them, and written as `ckpt-ema`. 0 for none.
    #[serde(default)]
    pub ema_decay: f64,
    /// Mixup's Beta(alpha, alpha); 0 for none.
    pub mixup_alpha: f64,
    /// Draw mixup's coefficient for each image instead of once for a batch, as the reference does.
    #[serde(default)]
    pub mixup_per_sample: bool,
    /// Draw mixup's coefficients as all runs of the reference do, whatever their seeds: importing its data code seeds NumPy with 0,
    /// so that they are those of `RandomState(0)` in order.
    #[serde(default)]
    pub mixup_reference_draws: bool,
    /// Penalties on weights, added to the loss; where two name the same weight, both count.
    #[serde(default)]
    pub weight_regularizers: Vec<WeightRegularizer>,
    /// Keep the checkpoint of every n-th epoch beside the first, last and best; 0 keeps none of the others.
    pub keep_every: usize,
    /// Epochs whose checkpoints are kept as well, such as those that other keys start from.
    #[serde(default)]
    pub keep: Vec<usize>,
}

impl Train {
    /// Settings that may change between two starts of a run: how fast it is, and what is kept.
    pub(super) const FREE: [&str; 4] =
        ["train.data_workers", "train.micro_batch", "train.keep_every", "train.keep"];

    /// Checks every setting that has a range.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] naming the setting, its value and what it may be.
    pub fn check(&self) -> Result<()> {
        let section = Section("train");
        section.count("batch_size", self.batch_size)?;
        section.count("epochs", self.epochs)?;
        section.count("data_workers", self.data_workers)?;
        section.count_or_zero("micro_batch", self.micro_batch)?;
        section.not_negative("mixup_alpha", self.mixup_alpha)?;
        section.not_negative("clip_grad", self.clip_grad)?;
        section.below_one("label_smoothing", self.label_smoothing)?;
        section.below_one("ema_decay", self.ema_decay)?;
        section.count_or_zero("warmup_epochs", self.warmup_epochs)?;
        section.not_negative("warmup_lr", self.warmup_lr)?;
        section.require(
            self.warmup_lr == 0.0 || self.warmup_epochs > 0,
            "warmup_lr",
            self.warmup_lr,
            "0 where train.warmup_epochs is 0",
        )?;
        section.require(
            self.head == Head::Drawn || self.finetune_from.is_some(),
            "head",
            if self.head == Head::Kept { "kept" } else { "probed" },
            "drawn where train.finetune_from is not set",
        )?;
        section.require(
            !self.mixup_per_sample || self.mixup_alpha > 0.0,
            "mixup_per_sample",
            self.mixup_per_sample,
            "false where train.mixup_alpha is 0",
        )?;
        section.require(
            !self.mixup_reference_draws || self.mixup_alpha > 0.0 && !self.mixup_per_sample,
            "mixup_reference_draws",
            self.mixup_reference_draws,
            "false where train.mixup_alpha is 0 or train.mixup_per_sample is true",
        )?;
        self.weight_regularizers.iter().try_for_each(|rule| rule.check(section))
    }

    /// Whether the checkpoint of an epoch stays when it is neither the last nor the best.
    pub fn keeps(&self, epoch: usize) -> bool {
        let is_regular = self.keep_every > 0 && epoch.is_multiple_of(self.keep_every);
        epoch == 0 || is_regular || self.keep.contains(&epoch)
    }
}
