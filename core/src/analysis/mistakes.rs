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

use serde::{Deserialize, Serialize};

use super::evaluation::stored_predictions;
use super::record::{Stored as _, Watch, claim};
use super::report::{FigureItem, FileNames, Image, Quantity, Report};
use super::request::{Request, unknown_images};
use super::settings::settings;
use super::{About, AllAnalysed, Analysed, Analysis, Asked, Networks, Pair};
use crate::checkpoint::Location;
use crate::config::Experiment;
use crate::data::Labelling;
use crate::error::{Error, Result};
use crate::evaluate::predictions;
use crate::event::Event;
use crate::file::{self, write_atomically};
use crate::job::Job;
use crate::remote::{local, named};
use crate::run::RunDir;

pub use answers::Answers;
pub use chart::{contingency, pairs_figure, pairs_table, parts_figure, parts_table};
pub use classes::class_names;
pub use comparison::{Comparison, Estimate};
pub use counts::{Counts, Quadrant};
pub use examples::{SplitImages, Two};
pub use question::Question;
pub use record::{Mistakes, PairMistakes, Predictor};

/// Classes or findings that a terminal shows; more are in `table-parts.csv`.
const PRINTED: usize = 30;

settings! {
    /// How mistakes are shown.
    pub struct MistakeSettings {
        /// Images of each quadrant on the contact sheets; 0 draws none.
        examples: usize = 8 => "N";
    }
}

/// The mistakes of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparedMistakes {
    /// The networks, all of them compared with all.
    pub networks: Vec<String>,
    /// The pair whose mistakes are shown as images.
    pub shown: Pair,
}

/// The comparison of the mistakes of two or more networks on the same samples.
pub struct SharedMistakes;

impl Analysis for SharedMistakes {
    const ABOUT: About = About {
        name: "mistakes",
        command: "mistakes",
        title: "Mistakes",
        summary: "Compares the mistakes of networks on the same images: common and uncommon mistakes, agreement, Cohen's kappa",
        details: "",
        networks: Some(Networks {
            least: 2,
            most: usize::MAX,
            value_name: "FILE",
            help: "Two or more files: predictions that a run or `runner eval` has written, or checkpoints. Of a checkpoint the stored \
                   predictions of the test split are used, or measured now if there are none",
            roles: &["1st network", "2nd network"],
            unless: None,
        }),
        split: None,
        takes_memory: false,
        takes_names: true,
    };
    type Settings = MistakeSettings;
    type Output = Mistakes;
    type Part = ComparedMistakes;

    /// A checkpoint's predictions of the test split are those that its run has, or measured now. Lists of samples by quadrant and
    /// contact sheets are written beside the result.
    fn run(
        request: &Request<MistakeSettings>,
        _watch: Watch<Analysed<Mistakes>>,
        job: &Job,
    ) -> Result<AllAnalysed<Mistakes>> {
        let names = request.names()?;
        let experiments = request
            .networks
            .iter()
            .map(|location| experiment(location, request))
            .collect::<Result<Vec<_>>>()?;
        let base = &request.surroundings.base;
        let files = request.networks.iter().zip(&experiments);
        let files =
            files.map(|(location, experiment)| predictions_of(location, experiment.as_ref(), base, job));
        let files = files.collect::<Result<Vec<_>>>()?;
        let answers = Answers::read(&files, names.clone())?;
        let (first, questions) = (answers.first(), answers.questions());
        let pairs = (0..names.len()).flat_map(|one| (one + 1..names.len()).map(move |two| (one, two)));
        let pairs =
            pairs.map(|(one, other)| compare(one, other, &answers.two(one, other), &questions)).collect();
        let entry = |name: &str| first.metadata.get(name).cloned().unwrap_or_default();
        let result = Mistakes {
            schema: 1,
            networks: answers.predictors(&files)?,
            data: entry("data"),
            split: entry("split"),
            samples: first.ids.len(),
            parts: if first.evaluation.labelling == Labelling::Class { "class" } else { "finding" }
                .to_owned(),
            pairs,
            definitions: record::DEFINITIONS.to_owned(),
        };
        let output = request.surroundings.output.as_deref();
        let folder = result.networks[0].predictions.result_folder("mistakes", &result.name(), base, output);
        let _lock = claim(&folder)?;
        result.save(&folder)?;
        for pair in &result.pairs {
            let samples = answers.two(pair.one, pair.two).list(&questions)?;
            write(&folder.join(format!("samples-{}.csv", pair.stem())), &samples)?;
        }
        let experiment = experiments.iter().flatten().next();
        if request.settings.examples > 0 {
            draw_sheets(&result, &answers, experiment, request.settings.examples, &folder, job)?;
        }
        Ok(AllAnalysed::one(names, result, folder))
    }

    fn networks(result: &Mistakes) -> Vec<Location> {
        result.networks.iter().map(|network| Path::new(&network.name).into()).collect()
    }

    fn report(results: &[Analysed<Mistakes>], shown: &[String]) -> Result<Report> {
        let mut report = Report::default();
        for Analysed { names, output, folder } in results {
            let result = &output.called(names);
            report.lead.push(format!("{} images of {}, {} split", result.samples, result.data, result.split));
            report.row(
                vec![FigureItem::new(FileNames::both("mistakes", "mistakes"), pairs_figure(result))],
                "Test images that both networks of a pair tell wrongly, and that only one does.",
            );
            let pairs = FileNames::both("table-pairs", "mistakes");
            report.table(pairs, pairs_table(result), &result.definitions);
            let (parts, files) = (parts_table(result), FileNames::result("table-parts"));
            match parts.rows.len() <= PRINTED {
                true => report.table(files, parts, ""),
                false => report.long_table(files, parts, ""),
            }
            let by_part = result.pairs.iter().map(|pair| {
                let files = FileNames::result(format!("parts-{}", pair.stem()));
                FigureItem::new(files, parts_figure(result, pair)).of("pair", result.names(pair).join(", "))
            });
            report.row(by_part.collect(), "");
            for pair in &result.pairs {
                let networks = result.names(pair).map(str::to_owned);
                if let Some(uncommon) = pair.all.uncommon {
                    report.measure(Quantity::UncommonMistakes, &networks, uncommon.value);
                }
                if networks == shown {
                    let [one, two] = &networks;
                    let caption = format!("Test images by who is wrong: 1 is {one}, 2 is {two}.");
                    let sheets = sheets(pair, folder)?.into_iter();
                    report.images.extend(sheets.map(|png| Image { png, caption: caption.clone() }));
                }
            }
        }
        Ok(report)
    }

    fn asked(part: &ComparedMistakes) -> std::result::Result<Vec<Asked<MistakeSettings>>, String> {
        let (one, two) = &part.shown;
        let place = |name: &String| part.networks.iter().position(|network| network == name);
        match (place(one), place(two)) {
            (Some(first), Some(second)) if first < second => {}
            _ => return Err(format!("{one} and {two} are no pair of the networks, in this order")),
        }
        Ok(vec![Asked::new(&part.networks.iter().collect::<Vec<_>>(), MistakeSettings::default())])
    }

    fn shown(part: &ComparedMistakes) -> Vec<String> {
        vec![part.shown.0.clone(), part.shown.1.clone()]
    }
}

/// The settings that say which images a checkpoint is measured on; none for predictions that lie in no run.
fn experiment(location: &Location, request: &Request<MistakeSettings>) -> Result<Option<Experiment>> {
    let surroundings = &request.surroundings;
    let is_alone =
        surroundings.key.is_none() && !location.is_missing() && RunDir::of_checkpoint(location).is_none();
    if is_alone { Ok(None) } else { surroundings.experiment(location).map(Some) }
}

/// The file of a network's predictions.
fn predictions_of(
    location: &Location,
    experiment: Option<&Experiment>,
    base: &Path,
    job: &Job,
) -> Result<PathBuf> {
    let file = local(location, job)?;
    if predictions::is_predictions(&file).map_err(|error| named(error, &file, location))? {
        return Ok(file);
    }
    let experiment = experiment.ok_or_else(|| unknown_images(location))?;
    stored_predictions(location, experiment, base, job)
}

/// Draws a contact sheet for each question of each pair: `examples-<pair>-<question>.png`. What was counted is written by then;
/// images that have gone take only the sheets away.
fn draw_sheets(
    result: &Mistakes,
    answers: &Answers,
    experiment: Option<&Experiment>,
    examples: usize,
    folder: &Path,
    job: &Job,
) -> Result<()> {
    let images = experiment
        .ok_or_else(|| Error::usage("no run or key says where the images are; add -k KEY"))
        .and_then(|experiment| SplitImages::open(experiment, &result.split));
    for pair in &result.pairs {
        for question in answers.questions() {
            job.check()?;
            let sheet = match &images {
                Ok(images) => answers.two(pair.one, pair.two).sheet(question, examples, images),
                Err(error) => Err(Error::data(error)),
            };
            match sheet {
                Ok(sheet) => {
                    let of = question.name().to_lowercase().replace(' ', "-");
                    write(&folder.join(format!("examples-{}-{of}.png", pair.stem())), &sheet.png()?)?;
                }
                Err(error) => {
                    job.emit(Event::Note(format!("no contact sheet: {error}")));
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// The contact sheets of a pair, as PNG.
fn sheets(pair: &PairMistakes, folder: &Path) -> Result<Vec<Vec<u8>>> {
    let start = format!("examples-{}-", pair.stem());
    let mut sheets = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(&start) && name.ends_with(".png") {
            sheets.push(path);
        }
    }
    sheets.sort();
    sheets.iter().map(|path| file::read(path)).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically(path, |file| file.write_all(bytes))
}

fn compare(one: usize, other: usize, two: &Two, questions: &[Question]) -> PairMistakes {
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
            PairMistakes { one, two: other, all: comparison("all", kinds, &decisions), parts }
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
            PairMistakes { one, two: other, all: Comparison::new("all", &samples), parts }
        }
    }
}
