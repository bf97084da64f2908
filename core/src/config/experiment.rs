//! One experiment with every setting resolved, named as the reference's bindings are.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Optimizer;

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
    /// The loop.
    pub train: Train,
    /// The update rule and its learning rates.
    pub optimizer: Optimizer,
    /// How the learning rate changes after each epoch; constant if absent.
    pub lr_scheduler: Option<LrScheduler>,
    /// Seeds of the two sources of chance.
    pub seed: Seed,
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

/// Where the samples come from and how they are prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// `DomainNet_<domain>`, `CheXpert`, `CIFAR10`, `ImageNet`, `ImageFolder` or `Shapes_<style>` (drawn by the program).
    pub name: String,
    /// Lists of CheXpert's images, instead of those that `runner prepare chexpert` makes.
    #[serde(default)]
    pub index_paths: Option<IndexPaths>,
    /// Preparation of the images.
    pub configs: DataConfigs,
}

impl Data {
    /// The same images, prepared in the same way, whatever folder they lie in.
    pub fn wherever(&self) -> Self {
        let mut data = self.clone();
        data.configs.data_dir.clear();
        data
    }
}

/// CSV files below `data_dir`, or anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexPaths {
    /// Training images; `train.0-50k.csv` unless set.
    pub train: Option<String>,
    /// Validation images; `dev.csv` unless set.
    pub dev: Option<String>,
    /// Test images; `train.50k-100k.csv` unless set.
    pub test: Option<String>,
}

/// Preparation of the images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfigs {
    /// Folder of the data: `<data_dir>/DomainNet/...`, `<data_dir>/cifar-10-batches-bin/...`, `<data_dir>/train/<class>/...`, or
    /// CheXpert's own.
    pub data_dir: String,
    /// Keep a fixed random subset of a split that is larger.
    pub subsample: Option<Subsample>,
    /// Train on the evaluation crop, without RandomResizedCrop and flip.
    pub disable_aug: bool,
    /// Side of the square network input, pixels.
    pub image_size: usize,
    /// Length of the shorter side before the evaluation crop, pixels.
    pub pre_crop_size: usize,
    /// Permute all values of the image across positions and channels.
    pub shuffle_pixel_config: Option<ShufflePixel>,
    /// Permute square blocks of the image.
    pub shuffle_block_config: Option<ShuffleBlock>,
    /// Samples that are drawn per class for training, `Shapes_*` only.
    pub train_per_class: Option<usize>,
    /// Samples that are drawn per class for testing, `Shapes_*` only.
    pub test_per_class: Option<usize>,
    /// Keep decoded CheXpert images in memory, up to 4 GiB of them for each split.
    pub cache_bitmap: Option<bool>,
}

/// A subset of `size` samples drawn without replacement by `RandomState(seed)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subsample {
    /// Samples to keep.
    pub size: usize,
    /// Seed of NumPy's `RandomState`.
    pub seed: u32,
}

/// Pixel shuffle: one permutation of all `3 * size * size` values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShufflePixel {
    /// Seed of NumPy's `RandomState`.
    pub seed: u32,
}

/// Block shuffle: one permutation of the blocks of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShuffleBlock {
    /// Seed of NumPy's `RandomState`.
    pub seed: u32,
    /// Side of a block, pixels; divides the image size.
    pub block_size: usize,
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

/// The loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// Samples in one step.
    pub batch_size: usize,
    /// Samples of a step that a device holds at once, 0 for all: less memory, the same gradient. Batch normalisation sees no
    /// further.
    #[serde(default)]
    pub micro_batch: usize,
    /// What convolutions compute in while training; parameters, their update and evaluation stay in single precision.
    #[serde(default)]
    pub precision: Precision,
    /// Passes over the training data.
    pub epochs: usize,
    /// Threads that prepare samples; never changes a result.
    pub data_workers: usize,
    /// Checkpoint to start from; its head is not taken over.
    pub finetune_from: Option<String>,
    /// Mixup's Beta(alpha, alpha); 0 for none.
    pub mixup_alpha: f64,
    /// Draw mixup's coefficient for each image instead of once for a batch, as the reference does.
    #[serde(default)]
    pub mixup_per_sample: bool,
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
    /// Whether the checkpoint of an epoch stays when it is neither the last nor the best.
    pub fn keeps(&self, epoch: usize) -> bool {
        let is_regular = self.keep_every > 0 && epoch.is_multiple_of(self.keep_every);
        epoch == 0 || is_regular || self.keep.contains(&epoch)
    }
}

/// Precision of the convolutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision. NVIDIA's GPUs are free to round factors to TF32 where that is faster.
    #[default]
    F32,
    /// The same, refused where there is no TF32.
    Tf32,
    /// bfloat16, with sums as the device takes them.
    Bf16,
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        })
    }
}

/// `coef` times the sum of squares of what the weights that `regex` finds are away from a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightRegularizer {
    /// The point.
    pub name: Point,
    /// Regular expression that is found in the parameters' names.
    pub regex: String,
    /// Factor, without a half.
    pub coef: f64,
}

/// What weights are drawn to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Point {
    /// Zero.
    #[serde(rename = "l2_to_0")]
    Zero,
    /// The weights before training, pre-trained ones included.
    #[serde(rename = "l2_to_w0")]
    Start,
}

/// How the learning rate changes after each epoch: PyTorch's schedulers, with its arguments and defaults. Epochs count from 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", content = "kwargs", deny_unknown_fields)]
pub enum LrScheduler {
    /// Multiplied by `gamma` after every `step_size` epochs.
    StepLR {
        /// Epochs between two steps.
        step_size: usize,
        /// The factor.
        #[serde(default = "tenth")]
        gamma: f64,
    },
    /// Multiplied by `gamma` after each of some epochs.
    MultiStepLR {
        /// Epochs after which the rate is multiplied, once for each time that one is listed.
        milestones: Vec<usize>,
        /// The factor.
        #[serde(default = "tenth")]
        gamma: f64,
    },
    /// Multiplied by `gamma` after each epoch.
    ExponentialLR {
        /// The factor.
        gamma: f64,
    },
    /// Half a cosine from the base rate down to `eta_min`, and up again.
    CosineAnnealingLR {
        /// Epochs of the way down.
        #[serde(rename = "T_max")]
        t_max: usize,
        /// The lowest rate.
        #[serde(default)]
        eta_min: f64,
    },
    /// A straight line from one share of the base rate to another.
    LinearLR {
        /// Share in the first epoch.
        #[serde(default = "third")]
        start_factor: f64,
        /// Share from epoch `total_iters` on.
        #[serde(default = "one")]
        end_factor: f64,
        /// Epochs of the line.
        #[serde(default = "five")]
        total_iters: usize,
    },
}

fn tenth() -> f64 {
    0.1
}

fn third() -> f64 {
    1.0 / 3.0
}

fn one() -> f64 {
    1.0
}

fn five() -> usize {
    5
}

/// Seeds of the two sources of chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Initial weights.
    pub init: u64,
    /// Order, augmentation and mixup.
    pub order: u64,
}
