//! A result with the predictions and the images that it is about; read beside the window's thread.

use std::path::Path;

use basin_core::analysis::mistakes::{Answers, Comparison, Mistakes, PairMistakes, Question, SplitImages};
use basin_core::analysis::mistakes::{contingency, pairs_table, parts_table};
use basin_core::config::Registry;
use basin_core::data::Labelling;
use basin_core::error::{Error, Result};
use basin_core::figure::{HeatMap, Table};
use basin_core::run::RunDir;

use crate::widget::source::{Source, check_folder};

/// A result that is open.
pub struct Opened {
    pub result: Mistakes,
    pub answers: Answers,
    /// The images, or why they cannot be shown.
    pub images: std::result::Result<SplitImages, String>,
}

impl Opened {
    /// Reads the predictions of a result, and finds its images where `source` says, or where the run says that it lies in.
    pub fn read(result: Mistakes, folder: &Path, source: &Source, registry: &Registry) -> Result<Self> {
        let answers = Answers::of(&result, folder)?;
        let images = images(&result, folder, source, registry).map_err(|error| error.to_string());
        Ok(Self { result, answers, images })
    }

    /// The pair of a number.
    pub fn pair(&self, choice: Choice) -> Option<&PairMistakes> {
        self.result.pairs.get(choice.pair)
    }

    /// The numbers that a choice is about.
    pub fn comparison(&self, choice: Choice) -> Option<&Comparison> {
        let pair = self.pair(choice)?;
        choice.part.map_or(Some(&pair.all), |part| pair.parts.get(part))
    }

    /// Whether each sample has one class, and not a set of findings.
    pub fn is_of_classes(&self) -> bool {
        self.answers.first().evaluation.labelling == Labelling::Class
    }

    /// What is asked of samples.
    pub fn question(&self, choice: Choice) -> Option<Question> {
        let questions = self.answers.questions();
        questions.get(if self.is_of_classes() { 0 } else { choice.part? }).copied()
    }

    /// The class that samples must be of.
    pub fn class(&self, choice: Choice) -> Option<usize> {
        let name = &self.pair(choice)?.parts.get(choice.part?)?.name;
        self.answers.classes().iter().position(|class| self.is_of_classes() && class == name)
    }
}

fn images(result: &Mistakes, folder: &Path, source: &Source, registry: &Registry) -> Result<SplitImages> {
    // `<run>/analysis/mistakes/<name>`
    let run = folder.ancestors().nth(3).map(|run| RunDir::at(run.to_owned()));
    let own = run.map(|run| run.read_record()).transpose()?.flatten().map(|record| record.experiment);
    let experiment = source.settings(own, registry)?;
    let experiment =
        experiment.filter(|experiment| experiment.data.name == result.data).ok_or_else(|| {
            Error::usage(format!(
                "name a key whose images are those of {} under Key, to see them",
                result.data
            ))
        })?;
    check_folder(&experiment.data)?;
    SplitImages::open(&experiment, &result.split)
}

/// Which numbers of a result are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Choice {
    /// Which of its pairs.
    pub pair: usize,
    /// Which class or finding; all unless set.
    pub part: Option<usize>,
}

/// The figures of a choice.
pub struct Figures {
    pub names: [String; 2],
    pub numbers: Table,
    pub contingency: HeatMap,
}

impl Figures {
    /// Of what is chosen of a result.
    pub fn of(opened: &Opened, choice: Choice) -> Option<Self> {
        let (pair, comparison) = (opened.pair(choice)?, opened.comparison(choice)?);
        let names = opened.answers.pair(pair)?.names.map(str::to_owned);
        let of_pair = Mistakes { pairs: vec![pair.clone()], ..opened.result.clone() };
        let (pairs, parts) = (pairs_table(&of_pair), parts_table(&of_pair));
        Some(Self {
            names,
            numbers: choice.part.map_or_else(|| numbers(&pairs, 0), |part| numbers(&parts, part)),
            contingency: contingency(comparison),
        })
    }
}

/// A row of a table from top to bottom, without the networks' names in front.
fn numbers(table: &Table, row: usize) -> Table {
    let cells = table.columns.iter().zip(table.rows.get(row).into_iter().flatten()).skip(1);
    Table {
        columns: ["number", "value"].map(str::to_owned).to_vec(),
        rows: cells.map(|(title, value)| vec![title.clone(), value.clone()]).collect(),
    }
}
