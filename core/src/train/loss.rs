//! Cross-entropy, plain and with mixup.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};

/// Two labelings of one batch, the first with weight `coefficient`: `c * CE(first) + (1 - c) * CE(second)`.
#[derive(Debug, Clone)]
pub struct Targets {
    /// Labels of the images.
    pub first: Vec<usize>,
    /// Labels of the images that were mixed in, with the first labels' weight; absent without mixup.
    pub second: Option<(Vec<usize>, f64)>,
}

/// The loss averaged over the batch, `[1]`. Logits: `[batch, classes]`.
pub fn cross_entropy(logits: Tensor<2>, targets: &Targets) -> Tensor<1> {
    let log_probabilities = log_softmax(logits, 1);
    let mean = |labels: &[usize]| -picked(log_probabilities.clone(), labels).mean();
    match &targets.second {
        None => mean(&targets.first),
        Some((second, coefficient)) => {
            mean(&targets.first) * *coefficient + mean(second) * (1.0 - coefficient)
        }
    }
}

/// The loss of every sample, `[batch]`. Logits: `[batch, classes]`.
pub fn sample_losses(logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    -picked(log_softmax(logits, 1), labels)
}

/// Element `labels[row]` of each row.
fn picked(rows: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let labels: Vec<i64> = labels.iter().map(|label| *label as i64).collect();
    let count = labels.len();
    let index = Tensor::<2, Int>::from_data(TensorData::new(labels, [count, 1]), &rows.device());
    rows.gather(1, index).reshape([count])
}
