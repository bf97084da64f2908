//! What a network says of every test sample, stored for analyses of mistakes and for error bars.

use std::collections::BTreeMap;
use std::path::Path;

use super::Evaluation;
use crate::checkpoint::{Checkpoint, NamedTensor, Reader, StateDict};
use crate::data::{Dataset, Labelling, source};
use crate::error::{Error, Result};

/// A network's predictions of one split, as they were stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Ids of the samples.
    pub ids: Vec<String>,
    /// What the network says of each, in the order of the ids.
    pub evaluation: Evaluation,
    /// All else that the file says: `data` (a name), `split`, and `epoch` or `checkpoint_sha256` where they were known.
    pub metadata: BTreeMap<String, String>,
}

impl Predictions {
    /// The samples at these positions, in their order.
    ///
    /// # Panics
    /// If there is no such sample.
    #[must_use]
    pub fn select(&self, samples: impl Iterator<Item = usize> + Clone) -> Self {
        let Evaluation { losses, labels, labelling, .. } = &self.evaluation;
        let evaluation = Evaluation {
            logits: samples.clone().flat_map(|at| self.evaluation.row(at)).copied().collect(),
            losses: samples.clone().map(|at| losses[at]).collect(),
            labels: samples.clone().map(|at| labels[at]).collect(),
            labelling: *labelling,
        };
        let ids = samples.map(|at| self.ids[at].clone()).collect();
        Self { ids, evaluation, metadata: self.metadata.clone() }
    }
}

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

/// Whether a file looks like predictions rather than a checkpoint; only its description is read.
///
/// # Errors
/// Those of [`Reader::open`].
pub fn is_predictions(path: &Path) -> Result<bool> {
    Ok(Reader::open(path)?.tensors.iter().any(|tensor| tensor.name == "logits"))
}

/// Reads what [`save`] wrote; nothing in the file is trusted.
///
/// # Errors
/// [`Error::Data`] naming the file if it is broken, empty or no predictions, [`Error::Diverged`] for logits or losses that are not finite.
pub fn load(path: &Path) -> Result<Predictions> {
    let refuse = |what: String| {
        Error::data(format!(
            "{} holds no predictions that can be used ({what}); write them anew with `runner eval CHECKPOINT`",
            path.display()
        ))
    };
    let Checkpoint { state, mut metadata } = Checkpoint::load(path)?;
    let tensor = |name: &str| state.get(name).ok_or_else(|| refuse(format!("no tensor {name}")));
    let (logits, loss, label) = (tensor("logits")?, tensor("loss")?, tensor("label")?);
    let [samples, outputs] = logits.shape[..] else {
        return Err(refuse(format!("logits are {:?} instead of [samples, outputs]", logits.shape)));
    };
    if samples == 0 || outputs == 0 {
        return Err(refuse("there is no sample".to_owned()));
    }
    let ids: Vec<String> =
        metadata.remove("ids").unwrap_or_default().split('\n').map(str::to_owned).collect();
    for (what, count) in [("losses", loss.data.len()), ("labels", label.data.len()), ("ids", ids.len())] {
        if count != samples {
            return Err(refuse(format!("{count} {what} of {samples} samples")));
        }
    }
    let Some(data) = metadata.get("data") else { return Err(refuse("no data set is named".to_owned())) };
    let labelling = source(data).map_err(|error| refuse(error.to_string()))?.labelling();
    let labels_below = match labelling {
        Labelling::Class => outputs,
        Labelling::Findings(names) if names.len() == outputs => 1 << outputs,
        Labelling::Findings(names) => {
            return Err(refuse(format!("{outputs} outputs for {} findings", names.len())));
        }
    };
    let is_label = |label: &f32| label.fract() == 0.0 && (0.0..labels_below as f32).contains(label);
    if let Some(wrong) = label.data.iter().find(|label| !is_label(label)) {
        return Err(refuse(format!("a label is {wrong}, with {outputs} outputs")));
    }
    let is_finite = |sample: &usize| {
        let row = &logits.data[sample * outputs..(sample + 1) * outputs];
        row.iter().chain([&loss.data[*sample]]).all(|value| value.is_finite())
    };
    if let Some(sample) = (0..samples).find(|sample| !is_finite(sample)) {
        return Err(Error::Diverged(format!(
            "what {} says of {} is not finite; choose predictions of a network that did not diverge",
            path.display(),
            ids[sample]
        )));
    }
    let labels = label.data.iter().map(|label| *label as usize).collect();
    let evaluation = Evaluation { logits: logits.data.clone(), losses: loss.data.clone(), labels, labelling };
    Ok(Predictions { ids, evaluation, metadata })
}
