//! Cross-entropy of one label or of several, plain and with mixup.

use std::ops::Range;

use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Int, Tensor, TensorData};

use crate::data::Labelling;

/// Labels of a batch, and with mixup those of the images that were mixed in.
#[derive(Debug, Clone)]
pub struct Targets {
    /// Labels of the images.
    pub first: Vec<usize>,
    /// Labels of the images that were mixed in, with the first labels' weight: one for the batch, or one for each image. Absent
    /// without mixup.
    pub second: Option<(Vec<usize>, Vec<f64>)>,
}

impl Targets {
    /// Those of some of the images.
    pub fn part(&self, part: Range<usize>) -> Self {
        let second = self.second.as_ref().map(|(labels, weights)| {
            let weights = if weights.len() == 1 { weights } else { &weights[part.clone()] };
            (labels[part.clone()].to_vec(), weights.to_vec())
        });
        Self { first: self.first[part].to_vec(), second }
    }
}

/// The loss averaged over the batch (and over its findings), `[1]`. Logits: `[batch, outputs]`.
///
/// With mixup `c CE(first) + (1 - c) CE(second)`; of findings `BCE(c first) + BCE((1 - c) second)`, as the reference writes it:
/// not the BCE of the mixed label, but with another `softplus(logit)` on top.
pub fn loss(logits: Tensor<2>, targets: &Targets, labelling: Labelling) -> Tensor<1> {
    match labelling {
        Labelling::Class => cross_entropy(logits, targets),
        Labelling::Findings(_) => binary_cross_entropy(logits, targets),
    }
}

/// A loss of classes where a `share` of each label is spread evenly over all classes (PyTorch's `label_smoothing`).
pub fn smoothed(loss: Tensor<1>, logits: Tensor<2>, share: f64) -> Tensor<1> {
    match share {
        0.0 => loss,
        share => loss * (1.0 - share) - log_softmax(logits, 1).mean() * share,
    }
}

fn cross_entropy(logits: Tensor<2>, targets: &Targets) -> Tensor<1> {
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

fn binary_cross_entropy(logits: Tensor<2>, targets: &Targets) -> Tensor<1> {
    match &targets.second {
        None => bits(logits, &targets.first, &[1.0]).mean(),
        Some((second, weights)) => {
            let rest: Vec<f64> = weights.iter().map(|weight| 1.0 - weight).collect();
            bits(logits.clone(), &targets.first, weights).mean() + bits(logits, second, &rest).mean()
        }
    }
}

/// The loss of every sample, `[batch]`; of several findings their mean. Logits: `[batch, outputs]`.
pub fn sample_losses(logits: Tensor<2>, labels: &[usize], labelling: Labelling) -> Tensor<1> {
    match labelling {
        Labelling::Class => -picked(log_softmax(logits, 1), labels),
        Labelling::Findings(_) => {
            let count = labels.len();
            bits(logits, labels, &[1.0]).mean_dim(1).reshape([count])
        }
    }
}

/// Binary cross-entropy of each output with the target `weight * bit`, `[batch, outputs]`; one weight for all samples, or one
/// for each.
fn bits(logits: Tensor<2>, labels: &[usize], weights: &[f64]) -> Tensor<2> {
    let [count, outputs] = logits.dims();
    let mut targets = Vec::with_capacity(count * outputs);
    for (label, weight) in labels.iter().zip(weights.iter().cycle()) {
        let target = |output: usize| if label >> output & 1 == 1 { *weight as f32 } else { 0.0 };
        targets.extend((0..outputs).map(target));
    }
    let targets = Tensor::from_data(TensorData::new(targets, [count, outputs]), &logits.device());
    // -y log s(x) - (1 - y) log s(-x), with log s(-x) = log s(x) - x.
    logits.clone() * (1.0 - targets) - log_sigmoid(logits)
}

/// Element `labels[row]` of each row.
fn picked(rows: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let labels: Vec<i64> = labels.iter().map(|label| *label as i64).collect();
    let count = labels.len();
    let index = Tensor::<2, Int>::from_data(TensorData::new(labels, [count, 1]), &rows.device());
    rows.gather(1, index).reshape([count])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PyTorch's `cross_entropy` with `label_smoothing=0.1`.
    #[test]
    fn smoothed_labels_are_pytorchs() {
        let logits = Tensor::<2>::from_data([[0.5, -1.25, 3.0], [2.0, -0.75, 0.25_f32]], &Default::default());
        let targets = Targets { first: vec![2, 1], second: None };
        let plain = loss(logits.clone(), &targets, Labelling::Class);
        let ours = smoothed(plain.clone(), logits.clone(), 0.1).into_scalar::<f32>();
        assert!((ours - 1.577_621).abs() < 1e-6, "{ours}");
        assert_eq!(smoothed(plain.clone(), logits, 0.0).into_data(), plain.into_data());
    }

    /// Values and gradients of PyTorch's `binary_cross_entropy_with_logits`.
    #[test]
    fn findings_are_judged_as_pytorch_does() {
        let logits = [[0.5, -1.25, 3.0, 0.0, -40.0], [2.0, -0.75, 100.0, 0.25, 1.0_f32]];
        let findings = Labelling::Findings(&["a", "b", "c", "d", "e"]);
        let device = crate::device::Choice::Cpu.open().unwrap().autodiff();
        let check = |targets: &Targets, expected: f32, gradients: [f32; 10]| {
            let logits = Tensor::<2>::from_data(logits, &device).require_grad();
            let loss = loss(logits.clone(), targets, findings);
            let ours: Vec<f32> = logits.grad(&loss.backward()).unwrap().into_data().iter::<f32>().collect();
            let value = loss.into_scalar::<f32>();
            assert!((value / expected - 1.0).abs() < 1e-6, "{value}");
            assert!(ours.iter().zip(gradients).all(|(a, b)| (a - b).abs() < 1e-7), "{ours:?}");
        };
        let mut targets = Targets { first: vec![21, 12], second: None };
        let plain = [
            -0.037_754_066,
            0.022_270_013,
            -0.004_742_586_5,
            0.05,
            -0.1,
            0.088_079_706,
            0.032_082_13,
            0.0,
            -0.043_782_346,
            0.073_105_86,
        ];
        check(&targets, 4.587_074, plain);
        let each = sample_losses(Tensor::from_data(logits, &device), &targets.first, findings);
        let each: Vec<f32> = each.into_data().iter::<f32>().collect();
        assert!((each[0] - 8.2935).abs() < 1e-4 && (each[1] - 0.8806).abs() < 1e-4, "{each:?}");
        targets.second = Some((vec![6, 19], vec![0.3]));
        let mixed = [
            0.094_491_87,
            -0.025_459_975,
            0.090_514_83,
            0.1,
            -0.03,
            0.106_159_41,
            -0.005_835_742,
            0.17,
            0.082_435_3,
            0.076_211_72,
        ];
        check(&targets, 19.731_65, mixed);
    }
}
