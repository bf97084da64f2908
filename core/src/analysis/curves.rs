//! What finished runs said while they trained: learning curves (paper, Figure 2), the sweep over shuffled blocks (Figure 3)
//! and the sweep over pre-trained checkpoints (Figure 7). Repetitions are summed up as mean and deviation.

mod choice;
mod finished;
mod learning;
mod pretraining;
mod shuffle;
mod statistic;

use serde::{Deserialize, Serialize};

use super::record::{Stored, Watch, claim};
use super::report::{FigureItem, FileNames, Report};
use super::request::Request;
use super::settings::settings;
use super::{About, AllAnalysed, Analysed, Analysis, Asked};
use crate::error::Result;
use crate::figure::{Drawing, Table};
use crate::file::digest;
use crate::job::Job;
use crate::run::tag;

pub use choice::{Choice, Instance, Measured};
pub use finished::{Finished, Found, find};
pub use learning::{LearningCurve, LearningCurves, key_labels, learning_curves, without_seed};
pub use pretraining::{KEYS as TUNED_KEYS, Pretraining, PretrainingPoint, pretraining};
pub use shuffle::{Block, KEYS as SHUFFLE_KEYS, ShufflePoint, Shuffles, relative_drop, shuffles};
pub use statistic::Statistic;

settings! {
    /// Whose curves are drawn, and of what.
    pub struct CurveSettings {
        /// Regular expression that is found in the keys.
        regex: String = String::new() => "REGEX" positional;
        /// The TensorBoard tag to draw, as metrics.jsonl and the event files name it.
        tag: String = tag::TEST_ACCURACY.to_owned() => "TAG";
    }
}

settings! {
    /// Which runs with shuffled inputs are summed up, and how.
    pub struct ShuffleSettings {
        /// Regular expression that is found in the keys.
        regex: String = SHUFFLE_KEYS.to_owned() => "REGEX" positional;
        /// Uses runs with this learning rate (optimizer.base_lr), instead of the rate with the best mean test accuracy of each bar.
        rate: Option<f64> = None => "RATE";
        /// First epoch in the mean of the training accuracy; 0 is before training.
        first_epoch: usize = Choice::default().first_epoch => "N";
    }
}

settings! {
    /// Which fine-tuned runs are summed up, and how.
    pub struct PretrainingSettings {
        /// Regular expression that is found in the keys.
        regex: String = TUNED_KEYS.to_owned() => "REGEX" positional;
        /// Uses runs with this learning rate (optimizer.base_lr), instead of the rate with the best mean test accuracy of each bar.
        rate: Option<f64> = None => "RATE";
        /// First epoch in the mean of the training accuracy; 0 is before training.
        first_epoch: usize = Choice::default().first_epoch => "N";
    }
}

/// The curves of a study: all runs whose keys match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvesPart {
    /// What is drawn, such as `eval/test_acc`, a chart for each.
    pub tags: Vec<String>,
    /// A regular expression for the keys.
    pub keys: String,
}

/// The runs that a study sums up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysPart {
    /// A regular expression for the keys.
    pub keys: String,
}

/// What is found over many runs.
pub trait Summary: Stored {
    /// The numbers.
    fn table(&self) -> Table;

    /// Figures and the names of their files.
    fn figures(&self) -> Vec<(String, Drawing)>;

    /// How the numbers are made, what to know about them, and which runs are missing.
    fn notes(&self) -> Vec<String>;
}

/// Writes `result.json` in `<base>/analysis/curves/<name>`, or where it is asked for.
fn saved<T: Summary, S>(summary: T, request: &Request<S>) -> Result<AllAnalysed<T>> {
    let own = || request.surroundings.base.join("analysis").join("curves").join(summary.name());
    let folder = request.surroundings.output.clone().unwrap_or_else(own);
    let _lock = claim(&folder)?;
    summary.save(&folder)?;
    Ok(AllAnalysed::one(Vec::new(), summary, folder))
}

/// The figures beside each other, and the table; in a study all are called by `name`.
fn report<T: Summary>(results: &[Analysed<T>], name: &str) -> Report {
    let mut report = Report::default();
    for Analysed { output, .. } in results {
        let figure = |(file, figure): (String, Drawing)| {
            FigureItem::new(FileNames::both(&file, format!("{name}-{file}")), figure)
        };
        report.row(output.figures().into_iter().map(figure).collect(), &output.notes().join(" "));
        report.table(FileNames::both("table", name), output.table(), "");
        report.notes.extend(output.notes());
    }
    report
}

/// A number of finished runs over the epochs, instances of a key as one line with a band (paper, Figure 2).
pub struct LearningCurveSummary;

impl Analysis for LearningCurveSummary {
    const ABOUT: About = about(
        "curves",
        "Learning curves",
        "Draws learning curves of finished runs, with mean and deviation over seeds",
    );
    type Settings = CurveSettings;
    type Output = LearningCurves;
    type Part = CurvesPart;

    fn run(
        request: &Request<CurveSettings>,
        _watch: Watch<Analysed<LearningCurves>>,
        _job: &Job,
    ) -> Result<AllAnalysed<LearningCurves>> {
        let CurveSettings { regex, tag } = &request.settings;
        let at = &request.surroundings;
        saved(learning_curves(&at.base, regex, tag, &at.registry)?, request)
    }

    fn report(results: &[Analysed<LearningCurves>], _shown: &[String]) -> Result<Report> {
        let mut report = Report::default();
        let chart = |Analysed { output, .. }: &Analysed<LearningCurves>| {
            let files = FileNames::both("curves", format!("curves-{}", output.tag.replace('/', "-")));
            FigureItem::new(files, output.chart())
        };
        report.row(
            results.iter().map(chart).collect(),
            "Epoch 0 is before training; bands are the deviation over instances of a key.",
        );
        for Analysed { output, .. } in results {
            report.table(FileNames::result("table"), output.table(), "");
            report.notes.extend(output.notes());
        }
        Ok(report)
    }

    fn asked(part: &CurvesPart) -> std::result::Result<Vec<Asked<CurveSettings>>, String> {
        let settings = |tag: &String| CurveSettings { regex: part.keys.clone(), tag: tag.clone() };
        Ok(part.tags.iter().map(|tag| Asked::new(&[], settings(tag))).collect())
    }
}

/// The accuracy of finished runs over the size of the blocks that were shuffled (paper, Figure 3).
pub struct ShuffleSummary;

impl Analysis for ShuffleSummary {
    const ABOUT: About = about(
        "shuffles",
        "Shuffles",
        "Draws the accuracy of finished runs over the size of shuffled blocks (feature reuse)",
    );
    type Settings = ShuffleSettings;
    type Output = Shuffles;
    type Part = KeysPart;

    fn run(
        request: &Request<ShuffleSettings>,
        _watch: Watch<Analysed<Shuffles>>,
        _job: &Job,
    ) -> Result<AllAnalysed<Shuffles>> {
        let ShuffleSettings { regex, rate, first_epoch } = &request.settings;
        let (choice, at) = (Choice { rate: *rate, first_epoch: *first_epoch }, &request.surroundings);
        saved(shuffles(&at.base, regex, choice, &at.registry)?, request)
    }

    fn report(results: &[Analysed<Shuffles>], _shown: &[String]) -> Result<Report> {
        Ok(report(results, "shuffles"))
    }

    fn asked(part: &KeysPart) -> std::result::Result<Vec<Asked<ShuffleSettings>>, String> {
        let settings = ShuffleSettings { regex: part.keys.clone(), ..ShuffleSettings::default() };
        Ok(vec![Asked::new(&[], settings)])
    }
}

/// The accuracy of finished runs over the epoch of pre-training that they were fine-tuned from (paper, Figure 7).
pub struct PretrainingSummary;

impl Analysis for PretrainingSummary {
    const ABOUT: About = about(
        "pretraining",
        "Pre-training",
        "Draws the accuracy of finished runs over the epoch of pre-training that they were fine-tuned from",
    );
    type Settings = PretrainingSettings;
    type Output = Pretraining;
    type Part = KeysPart;

    fn run(
        request: &Request<PretrainingSettings>,
        _watch: Watch<Analysed<Pretraining>>,
        _job: &Job,
    ) -> Result<AllAnalysed<Pretraining>> {
        let PretrainingSettings { regex, rate, first_epoch } = &request.settings;
        let (choice, at) = (Choice { rate: *rate, first_epoch: *first_epoch }, &request.surroundings);
        saved(pretraining(&at.base, regex, choice, &at.registry)?, request)
    }

    fn report(results: &[Analysed<Pretraining>], _shown: &[String]) -> Result<Report> {
        Ok(report(results, "pretraining"))
    }

    fn asked(part: &KeysPart) -> std::result::Result<Vec<Asked<PretrainingSettings>>, String> {
        let settings = PretrainingSettings { regex: part.keys.clone(), ..PretrainingSettings::default() };
        Ok(vec![Asked::new(&[], settings)])
    }
}

/// An analysis of finished runs.
const fn about(command: &'static str, title: &'static str, summary: &'static str) -> About {
    About {
        name: "curves",
        command,
        title,
        summary,
        details: "",
        networks: None,
        split: None,
        takes_memory: false,
        takes_names: false,
    }
}

/// A name that holds what was asked for, short.
fn name(kind: &str, settings: &impl std::fmt::Debug) -> String {
    format!("{kind}-{}", &digest(format!("{settings:?}"))[..8])
}

/// The runs that are not there, a line each.
fn missing_note(missing: &[String]) -> Option<String> {
    const SHOWN: usize = 8;
    let shown: String = missing.iter().take(SHOWN).map(|key| format!("\n  {key}")).collect();
    let rest = match missing.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\n  and {more} more (--json lists all)"),
    };
    (!missing.is_empty()).then(|| format!("missing runs: {}{shown}{rest}", missing.len()))
}
