//! What is kept of every sample at every point of a line: a file for each point, `points/<coefficient>.safetensors`, written
//! once. Points that are there are not measured again, and the bootstrap draws from them.

use std::path::Path;

use super::Point;
use crate::analysis::measures::{Measures, finite_or_endless};
use crate::checkpoint::{Checkpoint, NamedTensor, StateDict};
use crate::data::Labelling;
use crate::error::Result;
use crate::evaluate::{Evaluation, is_predicted, right_decisions};
use crate::file::{is_temporary, remove_temporaries};

/// What one network says of every sample.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Samples {
    /// Right decisions of each sample: 0 or 1, or how many of its findings.
    pub right: Vec<f32>,
    /// Loss of each sample, nats.
    pub losses: Vec<f32>,
    /// `[samples, findings]`, which an AUC needs; empty where a label is a class.
    pub logits: Vec<f32>,
}

impl Samples {
    pub fn of(evaluation: Evaluation) -> Self {
        let Evaluation { logits, losses, labels, labelling } = evaluation;
        let outputs = (logits.len() / labels.len().max(1)).max(1);
        let rows = logits.chunks_exact(outputs).zip(&labels);
        let right =
            rows.map(|(row, label)| right_decisions(row, *label, labelling, is_predicted) as f32).collect();
        let logits = if labelling == Labelling::Class { Vec::new() } else { logits };
        Self { right, losses, logits }
    }

    /// The point that they make together.
    pub fn point(&self, coefficient: f64, labels: &[usize], labelling: Labelling) -> Point {
        let mean =
            |values: &[f32]| values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
        let (logits, losses, labels) = (self.logits.clone(), Vec::new(), labels.to_vec());
        let measures = Measures {
            accuracy: 100.0 * mean(&self.right) / labelling.decisions() as f64,
            loss: finite_or_endless(mean(&self.losses)),
            auc: Evaluation { logits, losses, labels, labelling }.auc(),
        };
        Point { coefficient, measures }
    }

    /// Keeps the point as one of the line of that name.
    pub fn save(&self, folder: &Path, line: &str, coefficient: f64) -> Result<()> {
        let samples = self.right.len();
        let tensor = |name: &str, shape: Vec<usize>, data: &[f32]| NamedTensor {
            name: name.to_owned(),
            shape,
            data: data.to_vec(),
        };
        let mut tensors =
            vec![tensor("right", vec![samples], &self.right), tensor("loss", vec![samples], &self.losses)];
        if !self.logits.is_empty() {
            tensors.push(tensor("logits", vec![samples, self.logits.len() / samples], &self.logits));
        }
        let about = [("line", line.to_owned()), ("coefficient", coefficient.to_string())];
        let metadata = about.map(|(name, value)| (name.to_owned(), value)).into();
        let path = folder.join("points").join(format!("{coefficient}.safetensors"));
        Checkpoint { state: StateDict { tensors }, metadata }.save(&path)
    }
}

/// The points that a folder, which the caller has locked, has of the line of that name. What cannot be read is none, and is measured
/// again; files that a kill has left half-written are removed.
pub(super) fn known(folder: &Path, line: &str) -> Vec<(f64, Samples)> {
    let folder = folder.join("points");
    remove_temporaries(&folder);
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let points = files.filter(|file| !is_temporary(&file.file_name().to_string_lossy()));
    let mut points: Vec<_> = points.filter_map(|file| load(&file.path(), line)).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

fn load(path: &Path, line: &str) -> Option<(f64, Samples)> {
    let Checkpoint { state, metadata } = Checkpoint::load(path).ok()?;
    let coefficient = metadata.get("coefficient")?.parse().ok()?;
    let values = |name: &str| state.get(name).map(|tensor| tensor.data.clone());
    let logits = values("logits").unwrap_or_default();
    let samples = Samples { right: values("right")?, losses: values("loss")?, logits };
    (metadata.get("line")? == line).then_some((coefficient, samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_finds_its_own_points_again() {
        let folder = tempfile::tempdir().unwrap();
        let samples = |loss: f32| Samples {
            right: vec![2.0, 1.0],
            losses: vec![loss, f32::INFINITY],
            logits: vec![1.0, -2.0, 0.5, 3.0],
        };
        let third = 1.0 / 3.0;
        samples(0.5).save(folder.path(), "this", 1.0).unwrap();
        samples(0.25).save(folder.path(), "this", -third).unwrap();
        samples(9.0).save(folder.path(), "another", 0.5).unwrap();
        std::fs::write(folder.path().join("points/0.75.safetensors"), "cut").unwrap();
        let half = folder.path().join("points/.basin-half.tmp");
        std::fs::copy(folder.path().join("points/1.safetensors"), &half).unwrap();
        assert_eq!(known(folder.path(), "this"), [(-third, samples(0.25)), (1.0, samples(0.5))]);
        assert!(!half.exists());

        let point = samples(0.5).point(1.0, &[0b01, 0b11], Labelling::Findings(&["a", "b"]));
        assert_eq!((point.measures.accuracy, point.measures.loss), (75.0, f64::INFINITY));
        // All have the first finding; the second is told by the logits -2 and 3.
        assert_eq!(point.measures.auc, Some(1.0));
        let undefined = samples(0.5).point(1.0, &[0b11, 0b11], Labelling::Findings(&["a", "b"]));
        assert_eq!(serde_json::to_value(undefined).unwrap()["auc"], serde_json::Value::Null);
    }
}
