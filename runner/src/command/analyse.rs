//! Commands on checkpoints.

use std::path::Path;

use anyhow::Result;
use basin_core::analysis::evaluation;
use basin_core::analysis::selection::Selection;
use basin_core::analysis::subject::own_experiment;
use basin_core::config::{Experiment, apply_overrides};
use basin_core::error::Error;
use basin_core::evaluate::Finding;
use basin_core::number;
use serde_json::json;

use super::{print, working};
use crate::args::Data;

/// Measures a checkpoint, and prints accuracy and loss.
pub fn eval(checkpoint: &Path, selection: Selection, data: &Data) -> Result<()> {
    let experiment = experiment(checkpoint, data)?;
    let (evaluation, predictions) = working(&data.device, |job| {
        evaluation::evaluate_checkpoint(checkpoint, &experiment, selection, &data.base_dir, job)
    })?;
    let (samples, accuracy, loss) =
        (evaluation.labels.len(), 100.0 * evaluation.accuracy(), evaluation.loss());
    if data.json {
        let mut result = json!({
            "checkpoint": checkpoint, "data": experiment.data.name, "split": selection.split.name(), "samples": samples,
            "accuracy": accuracy, "loss": loss, "predictions": predictions,
        });
        let findings = evaluation.findings().into_iter().map(|Finding { name, accuracy, auc }| {
            (name.to_owned(), json!({ "accuracy": accuracy, "auc": auc }))
        });
        let findings: serde_json::Map<String, serde_json::Value> = findings.collect();
        if !findings.is_empty() {
            // An AUC that is undefined is null.
            result["auc"] = json!(evaluation.auc());
            result["findings"] = json!(findings);
        }
        return print(&format!("{result}\n"));
    }
    let mut text = format!(
        "{} on {samples} images of {}\n",
        evaluation.summary(selection.split.title()),
        experiment.data.name
    );
    for Finding { name, accuracy, auc } in evaluation.findings() {
        let (auc, accuracy) =
            (number::or_undefined(auc, number::fraction), number::percent(100.0 * accuracy));
        text += &format!("  {name:17} AUC {auc:9}  accuracy {accuracy} %\n");
    }
    print(&format!("{text}predictions: {}\n", predictions.display()))
}

/// Settings that say which images are used: those of a key, or of the run that the checkpoint lies in.
pub(super) fn experiment(checkpoint: &Path, data: &Data) -> Result<Experiment> {
    let experiment = match &data.config_key {
        Some(key) => data.settings.families.registry()?.get(key)?,
        None => own_experiment(checkpoint)?.ok_or_else(|| {
            Error::usage(format!(
                "{} lies in no run of Basin; say which images to use with -k KEY and --set",
                checkpoint.display()
            ))
        })?,
    };
    let experiment = apply_overrides(experiment, &data.settings.set)?;
    experiment.validate()?;
    Ok(experiment)
}
