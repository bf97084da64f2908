//! The basin that two networks lie in (paper, Definition 3.1): a segment of almost one loss, around which the loss rises.

mod chart;
mod landscape;
mod measurement;
mod search;

use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::record::{Inputs, Stored, Watch, show};
use super::report::{FigureItem, FileNames, Report};
use super::request::Request;
use super::settings::settings;
use super::statistics::{RunningStatistics, TrainingImages};
use super::subject::Subject;
use super::{About, AllAnalysed, Analysed, Analysis, Asked, Networks, Pair};
use crate::checkpoint::Location;
use crate::data::Split;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;
use crate::number;

use self::landscape::Landscape;
pub use chart::{chart, table};
pub use measurement::{Loss, Measurement};
pub use search::{Found, Noise, Place, Rise, STATEMENT, Settings};

/// Draws of noise for each end and delta of the basins of a study.
const STUDY_DRAWS: usize = 3;

settings! {
    /// How a basin is searched.
    pub struct BasinSettings {
        /// The loss: error-rate, which the paper's epsilons fit, or cross-entropy.
        loss: Loss = Loss::ErrorRate => "LOSS";
        /// How far the loss of a point of the segment may lie from the mean; 0.01 of the error rate or 0.05 nats unless set.
        tolerance: Option<f64> = None => "T";
        /// Running statistics of batch-normalised networks: measured anew at each point on up to 2048 training images, or averaged
        /// as the weights are.
        statistics: RunningStatistics = RunningStatistics::Measured => "STATISTICS";
        /// Draws of noise, and of steps past an end, for each end and delta.
        draws: usize = 10 => "N";
    }
}

impl BasinSettings {
    /// The settings of the search.
    fn search(&self) -> Result<Settings> {
        let tolerance = self.tolerance.unwrap_or(self.loss.tolerance());
        if !(tolerance > 0.0 && tolerance.is_finite()) {
            return Err(Error::usage(format!("--tolerance must be a number above 0: {tolerance}")));
        }
        if self.draws == 0 {
            return Err(Error::usage("--draws must be at least 1: 0"));
        }
        Ok(Settings { tolerance, draws: self.draws })
    }
}

/// The basins of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basins {
    /// The networks between which each is searched.
    pub pairs: Vec<Pair>,
}

/// A search for a basin and what it found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basin {
    /// Version of this form.
    pub schema: u32,
    /// The two networks, and the images.
    pub inputs: Inputs,
    /// What was measured.
    pub loss: Loss,
    /// The running statistics of batch-normalised networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<RunningStatistics>,
    /// How it was searched.
    pub settings: Settings,
    /// Euclidean distance between the trained parameters of the two networks.
    pub distance: f64,
    /// Number n of trained parameters.
    pub parameters: usize,
    /// The search in words.
    pub search: String,
    /// The result, once the search has ended.
    pub found: Option<Found>,
}

impl Stored for Basin {
    fn name(&self) -> String {
        self.inputs.name(RunningStatistics::in_name(self.statistics))
    }
}

/// The search for the (epsilon, delta)-basin of the segment through two networks: the largest segment around them whose loss
/// stays within the tolerance, its epsilon, and the smallest delta that fulfils the definition.
pub struct BasinSearch;

impl Analysis for BasinSearch {
    const ABOUT: About = About {
        name: "basin",
        command: "basin",
        title: "Basin",
        summary: "Finds the loss basin that two networks lie in (Definition 3.1): how flat the loss is on the segment between them, and how far the basin reaches",
        details: STATEMENT,
        networks: Some(Networks {
            least: 2,
            most: 2,
            value_name: "CHECKPOINT",
            help: "The two checkpoints",
            roles: &["First network", "Second network"],
            unless: None,
        }),
        split: Some(Split::Test),
        takes_memory: false,
        takes_names: false,
    };
    type Settings = BasinSettings;
    type Output = Basin;
    type Part = Basins;

    /// Every measurement is appended to `points.jsonl` as it comes, and none is made twice: a search that was stopped goes on, and
    /// one with another tolerance or loss takes what the last one measured.
    fn run(
        request: &Request<BasinSettings>,
        watch: Watch<Analysed<Basin>>,
        job: &Job,
    ) -> Result<AllAnalysed<Basin>> {
        let (settings, loss) = (request.settings.search()?, request.settings.loss);
        let (experiment, selection) = (request.experiment()?, request.surroundings.selection);
        let [one, two] = request.networks.as_slice() else {
            return Err(Error::usage("a basin lies between two checkpoints; name two"));
        };
        let dataset = selection.open(&experiment)?;
        let [first, second] = [one, two].map(|location| Subject::load(location, &experiment, &dataset, job));
        let (first, second) = (first?, second?);
        let mut landscape = Landscape::new(&first.network, &second.network);
        let line = landscape.line();
        if line.distance == 0.0 {
            return Err(Error::usage(format!(
                "{one} and {two} have the same parameters, and no segment between them; choose two networks"
            )));
        }
        let result = Basin {
            schema: 1,
            inputs: Inputs::new(&experiment, &dataset, selection.split, &[&first.source, &second.source]),
            loss,
            statistics: first.network.is_normalised().then_some(request.settings.statistics),
            settings,
            distance: line.distance,
            parameters: line.parameters,
            search: STATEMENT.to_owned(),
            found: None,
        };
        let surroundings = &request.surroundings;
        let folder = first.source.result_folder(
            "basin",
            &result.name(),
            &surroundings.base,
            surroundings.output.as_deref(),
        );
        result.known(&folder)?;
        let mut analysed = Analysed { names: request.names()?, output: result, folder };
        let mut journal = Journal::<Measurement>::open(&analysed.folder, &analysed.output.name())?;
        show(watch, &analysed);
        let found = search::search(line, settings, |place| {
            if let Some(known) = journal.points.iter().find(|known| known.place == place) {
                return Ok(known.loss(loss));
            }
            let decode = || {
                let training = TrainingImages::of(analysed.output.statistics, &experiment, job)?;
                Ok((selection.decode(&dataset, &experiment, job)?, training))
            };
            let evaluation = landscape.measure(place, decode, job)?;
            if !evaluation.is_finite() {
                job.emit(Event::Note(format!(
                    "{place}: the network's outputs are not finite, which counts as wrong"
                )));
            }
            let measurement = Measurement::new(place, &evaluation);
            journal.add(measurement)?;
            let value = number::loss(measurement.loss(loss));
            job.emit(Event::Note(format!("{place}: {} {value}", loss.name())));
            show(watch, &analysed);
            Ok(measurement.loss(loss))
        })?;
        analysed.output.found = Some(found);
        analysed.output.save(&analysed.folder)?;
        Ok(AllAnalysed { each: vec![analysed], together: None })
    }

    fn networks(basin: &Basin) -> Vec<Location> {
        basin.inputs.locations()
    }

    fn report(basins: &[Analysed<Basin>], _shown: &[String]) -> Result<Report> {
        let mut report = Report::default();
        let mut lines = Vec::new();
        for (place, basin) in basins.iter().enumerate() {
            let measurements = Journal::<Measurement>::read(&basin.folder)?;
            let files = FileNames::both("line", format!("basin-{place}-line"));
            lines.push(FigureItem::new(files, chart(&basin.output, &measurements)));
            let Some(found) = &basin.output.found else { continue };
            let [first, last] = found.segment;
            report.lead.push(format!(
                "segment {first:.2} to {last:.2}, {} {} on average, epsilon {}\ndistance of the networks {:.3}, {} trained \
                 parameters",
                basin.output.loss.name(),
                number::loss(found.mean),
                number::loss(found.epsilon),
                basin.output.distance,
                basin.output.parameters,
            ));
            let note = format!("{}: {}. {STATEMENT}", basin.names.join(" and "), found.verdict());
            match found.rises.is_empty() {
                true => report.long_table(FileNames::study(format!("basin-{place}")), table(found), &note),
                false => report.table(FileNames::study(format!("basin-{place}")), table(found), &note),
            }
            report.notes.push(found.verdict());
        }
        report.row(
            lines,
            &format!(
                "The loss on the line through both networks, and the segment within the tolerance of its mean.{}",
                RunningStatistics::in_caption(basins.iter().map(|basin| basin.output.statistics))
            ),
        );
        Ok(report)
    }

    fn asked(part: &Basins) -> std::result::Result<Vec<Asked<BasinSettings>>, String> {
        let settings = BasinSettings { draws: STUDY_DRAWS, ..BasinSettings::default() };
        Ok(part.pairs.iter().map(|(one, two)| Asked::new(&[one, two], settings.clone())).collect())
    }
}
