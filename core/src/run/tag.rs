//! Every TensorBoard tag of a run, and so every field of `metrics.jsonl`, which has the same names. Steps are epochs: training
//! is written at 1 and later, evaluations from 0, before training. The names are the reference's but where it has none.
//!
//! Accuracies are percent where a label is a class, and fractions where it is a set of findings (CheXpert).

/// The field of a line of `metrics.jsonl` that holds the epoch; no tag.
pub const EPOCH: &str = "epoch";

/// Mean loss over the batches of the epoch, in nats, penalties on weights included.
pub const TRAIN_LOSS: &str = "train/loss";
/// Mean penalty on weights over the batches of the epoch, in the loss's unit; of classes only where there is a penalty.
pub const TRAIN_PENALTY: &str = "train/weight_regu_loss";
/// Accuracy over the batches of the epoch, in training mode and against the unmixed labels.
pub const TRAIN_ACCURACY: &str = "train/acc";
/// Images trained on per second, without evaluation. Ours.
pub const TRAIN_SPEED: &str = "train/images_per_second";

/// Accuracy on the test images.
pub const TEST_ACCURACY: &str = "eval/test_acc";
/// Mean area under the ROC curves of the findings on the test images, a fraction.
pub const TEST_AUC: &str = "eval/test_auc";
/// Mean loss on the test images, in nats.
pub const TEST_LOSS: &str = "eval/test_loss";
/// Accuracy on the training images in evaluation mode, of classes: under mixup [`TRAIN_ACCURACY`] is that on mixed images,
/// and cannot average above 90.
pub const EVAL_TRAIN_ACCURACY: &str = "eval/train_acc";
/// Mean area under the ROC curves of the findings on the training images in evaluation mode, a fraction.
pub const EVAL_TRAIN_AUC: &str = "eval/eval_mode_train_auc";

/// What stands for a split in the tags of an evaluation on the test images of an exponential moving average of the weights. Ours.
pub const AVERAGE: &str = "ema_test";

/// How the tags of all evaluations begin.
const EVALUATION: &str = "eval/";

/// What is measured of a network on a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Share of right decisions.
    Accuracy,
    /// Mean cross-entropy, nats.
    Loss,
    /// Area under the ROC curve, a fraction.
    Auc,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "acc",
            Self::Loss => "loss",
            Self::Auc => "auc",
        }
    }
}

/// The learning rate of a group of parameters: biases are 0, scales 1, those of `optimizer.custom_lrs` follow, the rest is last.
pub fn learning_rate(group: usize) -> String {
    format!("learning_rate/group{group}")
}

/// A metric of a whole split, by the name that the split has in tags.
pub fn evaluation(split: &str, metric: Metric) -> String {
    format!("{EVALUATION}{split}_{}", metric.name())
}

/// A metric of one finding on a split, accuracies as fractions: `eval/test_auc/Pleural_Effusion`.
pub fn finding(split: &str, metric: Metric, name: &str) -> String {
    format!("{}/{}", evaluation(split, metric), name.replace(' ', "_"))
}

/// Whether a tag is that of an evaluation.
pub fn is_evaluation(tag: &str) -> bool {
    tag.starts_with(EVALUATION)
}

/// The metric of an evaluation in words: [`TEST_ACCURACY`] is the test accuracy. Other tags stand for themselves.
pub fn title(tag: &str, is_in_percent: bool) -> String {
    let Some(measure) = tag.strip_prefix(EVALUATION) else { return tag.to_owned() };
    let words = measure.split(['_', '/']).map(|word| match word {
        "acc" => "accuracy",
        "auc" => "AUC",
        "ema" => "EMA",
        word => word,
    });
    let unit = if is_in_percent && measure.ends_with("_acc") { ", %" } else { "" };
    words.collect::<Vec<_>>().join(" ") + unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;

    #[test]
    fn tags_are_those_of_their_splits() {
        let of = |split: Split, metric| evaluation(split.name(), metric);
        assert_eq!(of(Split::Test, Metric::Accuracy), TEST_ACCURACY);
        assert_eq!(of(Split::Test, Metric::Auc), TEST_AUC);
        assert_eq!(of(Split::Test, Metric::Loss), TEST_LOSS);
        assert_eq!(of(Split::EvalTrain, Metric::Auc), EVAL_TRAIN_AUC);
        assert_eq!(evaluation(Split::EvalTrain.title(), Metric::Accuracy), EVAL_TRAIN_ACCURACY);
        assert_eq!(finding("test", Metric::Auc, "Pleural Effusion"), "eval/test_auc/Pleural_Effusion");
        assert_eq!(title(TEST_ACCURACY, true), "test accuracy, %");
        assert_eq!(title(TRAIN_LOSS, true), TRAIN_LOSS);
    }
}
