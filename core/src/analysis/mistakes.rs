//! Which mistakes networks share, and which each makes alone (paper section 4 and its appendix), from stored predictions.

mod answers;
mod chart;
mod classes;
mod comparison;
mod counts;
mod examples;
mod question;
mod record;

use std::path::{Path, PathBuf};

use super::evaluation::stored_predictions;
use super::names::short_names;
use super::record::Stored as _;
use crate::checkpoint::Location;
use crate::config::Experiment;
use crate::data::Labelling;
use crate::error::{Error, Result};
use crate::evaluate::predictions;
use crate::event::Event;
use crate::figure::Figure as _;
use crate::file::write_atomically;
use crate::job::Job;
use crate::remote::{local, named};

pub use answers::Answers;
pub use chart::{contingency, pairs_figure, pairs_table, parts_figure, parts_table};
pub use classes::class_names;
pub use comparison::{Comparison, Estimate};
pub use counts::{Counts, Quadrant};
pub use examples::{Images, Two};
pub use question::Question;
pub use record::{Mistakes, Pair, Predictor};

/// Networks whose mistakes are compared.
#[derive(Debug)]
pub struct Request<'a> {
    /// Two or more of them.
    pub networks: &'a [Candidate],
    /// Their names in tables and figures; the parts in which their paths differ if empty.
    pub names: &'a [String],
    /// Images of each quadrant on a contact sheet; none is drawn for 0.
    pub examples: usize,
    /// Where results are written if the first file lies in no run.
    pub base: &'a Path,
}

/// A network by its predictions.
#[derive(Debug)]
pub struct Candidate {
    /// Stored predictions, or a checkpoint.
    pub path: PathBuf,
    /// Settings that say which images a checkpoint is measured on; needed unless the file holds predictions.
    pub experiment: Option<Experiment>,
}

/// Compares every two of the networks, on the same samples. A checkpoint's predictions of the test split are those that its run
/// has, or measured now. Writes `result.json`, tables, lists of samples by quadrant, figures and contact sheets.
///
/// Returns the result and its folder.
///
/// # Errors
/// [`Error::Usage`] for fewer than two networks, [`Error::Data`] for files that are broken or of different samples or outputs,
/// [`Error::Diverged`] for predictions that are not finite.
pub fn mistakes(request: &Request, job: &Job) -> Result<(Mistakes, PathBuf)> {
    let Request { networks, names, examples, base } = *request;
    if networks.len() < 2 || !(names.is_empty() || names.len() == networks.len()) {
        let (count, named) = (networks.len(), names.len());
        return Err(Error::usage(format!(
            "name two or more networks, and all or none of them: {count} with {named} names"
        )));
    }
    let files =
        networks.iter().map(|network| predictions_of(network, base, job)).collect::<Result<Vec<_>>>()?;
    let names = if names.is_empty() {
        short_names(&networks.iter().map(|network| network.path.as_path()).collect::<Vec<_>>())
    } else {
        names.to_vec()
    };
    let answers = Answers::read(&files, names)?;
    let (first, names, questions) = (answers.first(), answers.names(), answers.questions());
    let pairs = (0..names.len()).flat_map(|one| (one + 1..names.len()).map(move |two| (one, two)));
    let pairs = pairs.map(|(one, other)| compare(one, other, &answers.two(one, other), &questions)).collect();
    let entry = |name: &str| first.metadata.get(name).cloned().unwrap_or_default();
    let result = Mistakes {
        schema: 1,
        networks: answers.predictors(&files)?,
        data: entry("data"),
        split: entry("split"),
        samples: first.ids.len(),
        parts: if first.evaluation.labelling == Labelling::Class { "class" } else { "finding" }.to_owned(),
        pairs,
        definitions: record::DEFINITIONS.to_owned(),
    };

    let folder = result.networks[0].predictions.analysis_folder(base).join("mistakes").join(result.name());
    result.save(&folder)?;
    let write = |name: &str, bytes: &[u8]| write_atomically(&folder.join(name), |file| file.write_all(bytes));
    write("table-pairs.csv", pairs_table(&result).csv().as_bytes())?;
    write("table-parts.csv", parts_table(&result).csv().as_bytes())?;
    pairs_figure(&result).save(&folder.join("mistakes"))?;
    for pair in &result.pairs {
        write(&format!("samples-{}.csv", pair.stem()), &answers.two(pair.one, pair.two).list(&questions)?)?;
        parts_figure(&result, pair).save(&folder.join(format!("parts-{}", pair.stem())))?;
    }
    let experiment = networks.iter().find_map(|network| network.experiment.as_ref());
    if examples > 0 {
        // What was counted is written; images that have gone take only the sheets away.
        let images = experiment
            .ok_or_else(|| Error::usage("no run or key says where the images are; add -k KEY"))
            .and_then(|experiment| Images::open(experiment, &result.split));
        for pair in &result.pairs {
            for question in &questions {
                job.check()?;
                let sheet = match &images {
                    Ok(images) => answers.two(pair.one, pair.two).sheet(*question, examples, images),
                    Err(error) => Err(Error::data(error)),
                };
                let sheet = match sheet {
                    Ok(sheet) => sheet,
                    Err(error) => {
                        job.emit(Event::Note(format!("no contact sheet: {error}")));
                        return Ok((result, folder));
                    }
                };
                let of = question.name().to_lowercase().replace(' ', "-");
                write(&format!("examples-{}-{of}.png", pair.stem()), &sheet.png()?)?;
            }
        }
    }
    Ok((result, folder))
}

/// The file of a network's predictions.
fn predictions_of(network: &Candidate, base: &Path, job: &Job) -> Result<PathBuf> {
    let Candidate { path, experiment } = network;
    let location = Location::parse(path);
    let file = local(&location, job)?;
    if predictions::is_predictions(&file).map_err(|error| named(error, &file, &location))? {
        return Ok(file);
    }
    let experiment = experiment.as_ref().ok_or_else(|| {
        Error::usage(format!(
            "{} lies in no run of Basin; say which images to use with -k KEY and --set",
            path.display()
        ))
    })?;
    stored_predictions(path, experiment, base, job)
}

fn compare(one: usize, other: usize, two: &Two, questions: &[Question]) -> Pair {
    let decisions = |question: &Question| -> Vec<(usize, [usize; 2])> {
        (0..two.predictions[0].ids.len()).map(|sample| two.decision(*question, sample)).collect()
    };
    let comparison = |name: &str, kinds: usize, decisions: &[(usize, [usize; 2])]| {
        let counts: Vec<Counts> =
            decisions.iter().map(|(truth, answers)| Counts::of(*truth, *answers)).collect();
        let answers: Vec<[usize; 2]> = decisions.iter().map(|(_, answers)| *answers).collect();
        Comparison::new(name, &counts).with_answers(&answers, kinds)
    };
    match questions {
        [Question::Class] => {
            let decisions = decisions(&Question::Class);
            let of_class = |class: usize| decisions.iter().copied().filter(move |(truth, _)| *truth == class);
            let kinds = two.classes.len();
            let parts = two
                .classes
                .iter()
                .enumerate()
                .map(|(class, name)| (name, of_class(class).collect::<Vec<_>>()));
            let parts = parts.filter(|(_, decisions)| !decisions.is_empty());
            let parts = parts.map(|(name, decisions)| comparison(name, kinds, &decisions)).collect();
            Pair { one, two: other, all: comparison("all", kinds, &decisions), parts }
        }
        findings => {
            let decisions: Vec<Vec<(usize, [usize; 2])>> = findings.iter().map(decisions).collect();
            let sample = |at: usize| {
                let counts = decisions.iter().map(|decisions| Counts::of(decisions[at].0, decisions[at].1));
                counts.fold(Counts::default(), Counts::plus)
            };
            let samples: Vec<Counts> = (0..two.predictions[0].ids.len()).map(sample).collect();
            let parts = findings.iter().zip(&decisions);
            let parts = parts.map(|(finding, decisions)| comparison(finding.name(), 2, decisions)).collect();
            Pair { one, two: other, all: Comparison::new("all", &samples), parts }
        }
    }
}
