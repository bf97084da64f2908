//! What a network says of every test sample, stored for analyses of mistakes and for error bars.

use std::path::Path;

use super::evaluate::Evaluation;
use crate::checkpoint::{Checkpoint, NamedTensor, StateDict};
use crate::data::Dataset;
use crate::error::Result;

/// Writes `logits` `[samples, classes]`, `loss` and `label` `[samples]`, and the samples' ids, a line each, as the
/// metadata entry `ids`; `about` says more of the network and the data.
pub fn save(path: &Path, dataset: &Dataset, evaluation: &Evaluation, about: &[(&str, &str)]) -> Result<()> {
    let samples = evaluation.labels.len();
    let tensor =
        |name: &str, shape: Vec<usize>, data: Vec<f32>| NamedTensor { name: name.to_owned(), shape, data };
    let labels = evaluation.labels.iter().map(|label| *label as f32).collect();
    let tensors = vec![
        tensor("logits", vec![samples, evaluation.logits.len() / samples.max(1)], evaluation.logits.clone()),
        tensor("loss", vec![samples], evaluation.losses.clone()),
        tensor("label", vec![samples], labels),
    ];
    let ids = (0..samples).map(|sample| dataset.id(sample)).collect::<Vec<_>>().join("\n");
    let entries = about.iter().copied().chain([("ids", ids.as_str())]);
    let metadata = entries.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Checkpoint { state: StateDict { tensors }, metadata }.save(path)
}
