//! `runner eval`: measures a checkpoint.

use std::sync::Arc;

use anyhow::Result;
use basin_core::analysis::evaluation;
use basin_core::analysis::request::Surroundings;
use basin_core::analysis::selection::Selection;
use basin_core::checkpoint::Location;
use basin_core::evaluate::Finding;
use basin_core::number;
use serde_json::json;

use super::{print, working};
use crate::args::{Data, Images, location};

#[derive(Debug, clap::Args)]
pub struct Eval {
    /// The checkpoint.
    #[arg(value_parser = location())]
    checkpoint: Location,
    #[command(flatten)]
    images: Images,
    #[command(flatten)]
    data: Data,
}

impl Eval {
    /// Measures a checkpoint, and prints accuracy and loss.
    pub fn run(&self) -> Result<()> {
        eval(&self.checkpoint, self.images.selection(), &self.data)
    }
}

fn eval(checkpoint: &Location, selection: Selection, data: &Data) -> Result<()> {
    let mut surroundings = Surroundings::new(Arc::new(data.settings.families.registry()?), selection);
    (surroundings.key, surroundings.set) = (data.config_key.clone(), data.settings.set.clone());
    let experiment = surroundings.experiment(checkpoint)?;
    let (evaluation, predictions) = working(&data.device, |job| {
        evaluation::evaluate_checkpoint(checkpoint, &experiment, selection, &data.base_dir, job)
    })?;
    let (samples, accuracy, loss) =
        (evaluation.labels.len(), 100.0 * evaluation.accuracy(), evaluation.loss());
    if data.json {
        let mut result = json!({
            "checkpoint": checkpoint, "data": experiment.data.name, "split": selection.split.name(), "samples": samples,
            "accuracy": accuracy, "loss": loss, "not_finite": evaluation.not_finite(), "predictions": predictions,
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
