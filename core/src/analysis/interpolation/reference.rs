//! The lines that the reference's `ckpt_interpolation.py` has stored: a pickle with the evaluations on each line, at evenly spaced
//! coefficients from 0 to 1.

use std::collections::BTreeMap;
use std::path::Path;

use super::barrier;
use super::record::DEFINITION;
use super::{Interpolation, LineSettings, Point};
use crate::analysis::coefficients::linspace;
use crate::analysis::measures::{Measures, finite_or_endless};
use crate::analysis::record::{Inputs, shortened};
use crate::analysis::request::Request;
use crate::analysis::source::Source;
use crate::analysis::{AllAnalysed, Analysed};
use crate::checkpoint::{Location, Pickled, read_pickle};
use crate::config::Experiment;
use crate::data::Split;
use crate::error::{Error, Result};
use crate::file::file_digest;

/// What stands between the names of a line's ends.
const BETWEEN: &str = " vs ";

/// Reads the lines, and writes each as a result of ours. Their barriers have no interval, since single images are not known.
///
/// # Errors
/// [`Error::Data`] naming the file and what it lacks; [`Error::Usage`] if nothing says which data it is about.
pub(super) fn stored(file: &Path, request: &Request<LineSettings>) -> Result<AllAnalysed<Interpolation>> {
    let unfit = |what: &str| {
        Error::data(format!(
            "{} holds no lines of the reference: {what}; choose a file of its ckpt_interpolation",
            file.display()
        ))
    };
    let Pickled::Dictionary(lines) = read_pickle(file)? else {
        return Err(unfit("it is no dictionary"));
    };
    let experiment = experiment(file, request)?;
    let sha256 = file_digest(file)?;
    let folder = match &request.surroundings.output {
        Some(folder) => folder.clone(),
        None => request
            .surroundings
            .base
            .join("analysis/interpolation")
            .join(file.file_stem().unwrap_or_default()),
    };
    let mut each = Vec::new();
    for (label, evaluations) in &lines {
        let ends =
            label.split_once(BETWEEN).ok_or_else(|| unfit(&format!("{label} names no two networks")))?;
        let names = [ends.0, ends.1].map(str::to_owned);
        let measures = evaluations.items().iter().map(measures).collect::<Option<Vec<_>>>();
        let measures = measures.filter(|measures| measures.len() > 1).ok_or_else(|| {
            unfit(&format!(
                "{label} lacks two points that each have a loss and an accuracy, in numbers of Python or NumPy (of 64 bits at most)"
            ))
        })?;
        let coefficients = linspace(0.0, 1.0, measures.len());
        let point = |(coefficient, measures)| Point { coefficient, measures };
        let points: Vec<Point> = coefficients.into_iter().zip(measures).map(point).collect();
        let source = |name: &String| Source {
            location: Location::parse(name),
            sha256: sha256.clone(),
            metadata: BTreeMap::new(),
        };
        let output = Interpolation {
            schema: 2,
            inputs: Inputs {
                networks: names.iter().map(source).collect(),
                data: experiment.data.clone(),
                split: Split::Test.name().to_owned(),
                data_digest: String::new(),
                samples: 0,
            },
            arch: experiment.model.arch.clone(),
            statistics: None,
            barrier: Some(barrier::of_points(&points)),
            points,
            barrier_definition: DEFINITION.to_owned(),
        };
        let folder = folder.join(shortened(label.replace(BETWEEN, "-").replace('/', "-")));
        if each.iter().any(|known: &Analysed<Interpolation>| known.folder == folder) {
            return Err(unfit(&format!("{label} and another line have the folder {}", folder.display())));
        }
        each.push(Analysed { names: names.to_vec(), output, folder });
    }
    for line in &each {
        line.output.write(&line.folder)?;
    }
    if each.is_empty() {
        return Err(unfit("it is empty"));
    }
    Ok(AllAnalysed { each, together: Some(folder) })
}

/// The settings that the file's name stands for, or those of the key that is named.
fn experiment(file: &Path, request: &Request<LineSettings>) -> Result<Experiment> {
    let registry = &request.surroundings.registry;
    let key = request.surroundings.key.clone().or_else(|| {
        let key = match file.file_stem()?.to_str()? {
            "chexpert" => "train/chexpert/fixup_resnet50_nzfc/finetune-lr0.02-bs256".to_owned(),
            domain => format!("train/DomainNet_{domain}/fixup_resnet50_nzfc/finetune-lr0.02-MstepLR"),
        };
        registry.keys().any(|known| known == key).then_some(key)
    });
    let key = key.ok_or_else(|| {
        Error::usage(format!(
            "{} does not say which data it is about; name a key with -k KEY",
            file.display()
        ))
    })?;
    registry.changed(&key, &request.surroundings.set)
}

/// One evaluation: accuracy in percent and loss, or AUCs, accuracies and loss of findings.
fn measures(evaluation: &Pickled) -> Option<Measures> {
    let mean = |name: &str| {
        let values =
            evaluation.get(name)?.items().iter().map(Pickled::number).collect::<Option<Vec<f64>>>()?;
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let loss = finite_or_endless(evaluation.get("loss")?.number()?);
    match evaluation.get("top1") {
        Some(accuracy) => Some(Measures { accuracy: accuracy.number()?, loss, auc: None }),
        None => Some(Measures { accuracy: 100.0 * mean("accs")?, loss, auc: Some(mean("aucs")?) }),
    }
}
