//! What a network says of every test sample, stored for analyses of mistakes and for error bars.

use std::collections::BTreeMap;
use std::path::Path;

use super::evaluate::Evaluation;
use crate::checkpoint::{Checkpoint, NamedTensor, StateDict};
use crate::data::Dataset;
use crate::error::Result;

/// Writes `logits` `[samples, classes]`, `loss` and `label` `[samples]`, and the samples' ids, a line each, as the
/// metadata entry `ids`.
pub fn save(path: &Path, dataset: &Dataset, evaluation: &Evaluation, epoch: usize) -> Result<()> {
    let samples = evaluation.labels.len();
    let tensor =
        |name: &str, shape: Vec<usize>, data: Vec<f32>| NamedTensor { name: name.to_owned(), shape, data };
    let labels = evaluation.labels.iter().map(|label| *label as f32).collect();
    let tensors = vec![
        tensor("logits", vec![samples, evaluation.logits.len() / samples.max(1)], evaluation.logits.clone()),
        tensor("loss", vec![samples], evaluation.losses.clone()),
        tensor("label", vec![samples], labels),
    ];
    let ids: Vec<&str> = (0..samples).map(|sample| dataset.id(sample)).collect();
    let metadata =
        BTreeMap::from([("epoch".to_owned(), epoch.to_string()), ("ids".to_owned(), ids.join("\n"))]);
    Checkpoint { state: StateDict { tensors }, metadata }.save(path)
}
