//! Cross-entropy, plain and with mixup.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};

/// Two labelings of one batch, the first with weight `c`: `c * CE(first) + (1 - c) * CE(second)`.
#[derive(Debug, Clone)]
pub struct Targets {
    /// Labels of the images.
    pub first: Vec<usize>,
    /// Labels of the images that were mixed in, with the first labels' weight: one for the batch, or one for each image. Absent
    /// without mixup.
    pub second: Option<(Vec<usize>, Vec<f64>)>,
}

/// The loss averaged over the batch, `[1]`. Logits: `[batch, classes]`.
pub fn cross_entropy(logits: Tensor<2>, targets: &Targets) -> Tensor<1> {
    let log_probabilities = log_softmax(logits, 1);
    let losses = |labels: &[usize]| -picked(log_probabilities.clone(), labels);
    let (first, second) = (losses(&targets.first), &targets.second);
    match second.as_ref().map(|(labels, weights)| (losses(labels), weights.as_slice())) {
        None => first.mean(),
        Some((second, [weight])) => first.mean() * *weight + second.mean() * (1.0 - weight),
        Some((second, weights)) => {
            let weights: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
            let weights = Tensor::<1>::from_floats(weights.as_slice(), &first.device());
            // `w * first + (1 - w) * second`.
            ((first - second.clone()) * weights + second).mean()
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
