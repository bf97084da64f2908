//! What networks answered, side by side: the predictions that mistakes are counted in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::classes::class_names;
use super::examples::Two;
use super::question::Question;
use super::record::{Mistakes, PairMistakes, Predictor};
use crate::analysis::source::Source;
use crate::data::Labelling;
use crate::error::{Error, Result};
use crate::evaluate::predictions::{self, Predictions};
use crate::file::file_digest;

/// Predictions of two or more networks, of the same samples in the same order.
#[derive(Debug, Clone)]
pub struct Answers {
    names: Vec<String>,
    predictions: Vec<Predictions>,
    classes: Vec<String>,
}

impl Answers {
    /// Reads the predictions that a stored result was made of. Paths in it that are not there are looked for beside the result's
    /// folder and the folders that it lies in.
    ///
    /// # Errors
    /// [`Error::Data`] naming a file that is missing, broken, or not what it was, [`Error::Diverged`] for predictions that are not
    /// finite.
    pub fn of(result: &Mistakes, folder: &Path) -> Result<Self> {
        let find = |network: &Predictor| {
            let source = &network.predictions;
            let named = source.location.file().into_iter();
            let places = named.flat_map(|named| {
                let beside = folder.ancestors().map(move |ancestor| ancestor.join(named));
                std::iter::once(named.to_owned()).chain(beside)
            });
            let missing =
                || Error::data(format!("{} is not there; write it anew with `runner eval`", source.location));
            let file = places.into_iter().find(|path| path.is_file());
            let file = file.ok_or_else(missing)?;
            if file_digest(&file)? != source.sha256 {
                return Err(Error::data(format!(
                    "{} is not what it was when its mistakes were counted; count them again",
                    file.display()
                )));
            }
            Ok(file)
        };
        let files = result.networks.iter().map(find).collect::<Result<Vec<_>>>()?;
        Self::read(&files, result.networks.iter().map(|network| network.name.clone()).collect())
    }

    /// Reads predictions, and puts all in the order of the first. There is a name for each file.
    pub(super) fn read(files: &[PathBuf], names: Vec<String>) -> Result<Self> {
        let read = files.iter().map(|file| predictions::load(file)).collect::<Result<Vec<_>>>()?;
        let predictions = matched(files, read)?;
        let is_of_classes = |first: &&Predictions| first.evaluation.labelling == Labelling::Class;
        let classes =
            predictions.first().filter(is_of_classes).map(|Predictions { ids, evaluation, .. }| {
                class_names(ids, &evaluation.labels, evaluation.outputs())
            });
        Ok(Self { names, predictions, classes: classes.unwrap_or_default() })
    }

    /// The networks' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The first network's predictions.
    pub fn first(&self) -> &Predictions {
        &self.predictions[0]
    }

    /// Names of the classes; none where labels are findings.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// What is asked of each sample.
    pub fn questions(&self) -> Vec<Question> {
        Question::all(self.first().evaluation.labelling)
    }

    /// Two of the networks.
    ///
    /// # Panics
    /// If there are no such networks.
    pub fn two(&self, one: usize, two: usize) -> Two<'_> {
        Two {
            names: [&self.names[one], &self.names[two]],
            predictions: [&self.predictions[one], &self.predictions[two]],
            classes: &self.classes,
        }
    }

    /// Two networks of a result; `None` if it has not the pair that it names.
    pub fn pair(&self, pair: &PairMistakes) -> Option<Two<'_>> {
        (pair.one.max(pair.two) < self.names.len()).then(|| self.two(pair.one, pair.two))
    }

    /// The networks with the files that were read.
    pub(super) fn predictors(&self, files: &[PathBuf]) -> Result<Vec<Predictor>> {
        let predictor = |((name, file), predictions): ((&String, &PathBuf), &Predictions)| {
            let source = Source {
                location: file.clone().into(),
                sha256: file_digest(file)?,
                metadata: predictions.metadata.clone(),
            };
            Ok(Predictor { name: name.clone(), predictions: source })
        };
        self.names.iter().zip(files).zip(&self.predictions).map(predictor).collect()
    }
}

/// The predictions with their samples in the order of the first file's.
fn matched(files: &[PathBuf], predictions: Vec<Predictions>) -> Result<Vec<Predictions>> {
    let Some((first, name)) = predictions.first().cloned().zip(files.first()) else { return Ok(predictions) };
    let aligned = |(other, file): (Predictions, &PathBuf)| {
        let (name, file) = (name.display(), file.display());
        let (outputs, others) = (first.evaluation.outputs(), other.evaluation.outputs());
        if (outputs, first.evaluation.labelling) != (others, other.evaluation.labelling) {
            return Err(Error::data(format!(
                "{name} holds {outputs} outputs for each sample and {file} {others}, of other data; choose predictions of one data set"
            )));
        }
        let places = positions(&first.ids);
        all_among(&other.ids, &places, &file, &name)?;
        let places = positions(&other.ids);
        all_among(&first.ids, &places, &name, &file)?;
        let other = other.select(first.ids.iter().filter_map(|id| places.get(id.as_str()).copied()));
        let labels = first.evaluation.labels.iter().zip(&other.evaluation.labels);
        match labels.zip(&first.ids).find(|((one, two), _)| one != two) {
            None => Ok(other),
            Some(((one, two), id)) => Err(Error::data(format!(
                "the label of {id} is {one} in {name} and {two} in {file}; choose predictions of one data set"
            ))),
        }
    };
    predictions.into_iter().zip(files).map(aligned).collect()
}

fn positions(ids: &[String]) -> HashMap<&str, usize> {
    ids.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect()
}

/// Whether all samples of one file are among those of another.
fn all_among(
    ids: &[String],
    places: &HashMap<&str, usize>,
    one: &impl std::fmt::Display,
    other: &impl std::fmt::Display,
) -> Result<()> {
    let missing: Vec<&String> = ids.iter().filter(|id| !places.contains_key(id.as_str())).collect();
    let Some(example) = missing.first() else { return Ok(()) };
    Err(Error::data(format!(
        "{} of the {} samples of {one} are not among those of {other}, such as {example}; choose predictions of the same samples",
        missing.len(),
        ids.len()
    )))
}
