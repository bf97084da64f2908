//! What a network says of every test sample, stored for analyses of mistakes and for error bars.

use std::collections::BTreeMap;
use std::path::Path;

use super::evaluate::Evaluation;
use crate::checkpoint::{Checkpoint, NamedTensor, StateDict};
use crate::data::Dataset;
use crate::error::Result;

/// Writes `logits` `[samples, classes]`, `loss` and `label` `[samples]`, and the samples' ids, a line each, as the
/// metadata entry `ids`. `epoch` is that of the network, if it is known.
pub fn save(path: &Path, dataset: &Dataset, evaluation: &Evaluation, epoch: Option<&str>) -> Result<()> {
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
    let mut metadata = BTreeMap::from([("ids".to_owned(), ids.join("\n"))]);
    metadata.extend(epoch.map(|epoch| ("epoch".to_owned(), epoch.to_owned())));
    Checkpoint { state: StateDict { tensors }, metadata }.save(path)
}
