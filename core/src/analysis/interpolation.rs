//! Linear mode connectivity: the straight line between two networks, and the loss barrier on it (paper section 3.3 and Figure 4).

mod barrier;
mod bootstrap;
mod chart;
mod record;
mod reference;
mod samples;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::coefficients::{Coefficients, EvenlySpaced};
use super::measures::Metric;
use super::record::{Inputs, Stored as _, Watch, claim, show};
use super::report::{FigureItem, FileNames, Quantity, Report};
use super::request::Request;
use super::settings::{Commas, settings};
use super::statistics::{RunningStatistics, TrainingImages};
use super::subject::Subject;
use super::{About, AllAnalysed, Analysed, Analysis, Asked, Networks, Pair, json_line};
use crate::checkpoint::Location;
use crate::config::Experiment;
use crate::data::{Dataset, EvalImages, Split};
use crate::error::{Error, Result};
use crate::evaluate::evaluate;
use crate::event::Event;
use crate::job::Job;
use crate::model::Network;
use crate::number;

use self::samples::Samples;
pub use chart::{barrier_table, bars, chart, coefficient_bars, point_table};
pub use record::{Barrier, Height, Interpolation, Point};

settings! {
    /// Where networks on lines are measured.
    pub struct LineSettings {
        /// Coefficients c of (1 - c) first + c second: first:last:count, or numbers with commas. Below 0 and above 1 extrapolates. The
        /// ends 0 and 1, which the barrier needs, are always measured.
        coefficients: Coefficients = Coefficients::even(0.0, 1.0, 50) => "RANGE";
        /// Running statistics of batch-normalised networks, with commas: measured anew at each point on up to 2048 training images,
        /// averaged as the weights are, which shows barriers that are none of the weights, or a line of each.
        statistics: Commas<RunningStatistics> = RunningStatistics::all() => "STATISTICS";
        /// Shows the lines that the reference's ckpt_interpolation.py has stored in a file such as ckpt_interpolation/real.p, in place of
        /// measuring any.
        results: Option<PathBuf> = None => "FILE";
    }
}

/// The lines of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// The ends of each line.
    pub pairs: Vec<Pair>,
    /// Positions on each line.
    pub coefficients: EvenlySpaced,
}

/// Linear interpolation between two networks, or between any two of several.
pub struct LinearInterpolation;

impl Analysis for LinearInterpolation {
    const ABOUT: About = About {
        name: "interpolation",
        command: "interpolate",
        title: "Interpolation",
        summary: "Measures linear mode connectivity: loss and accuracy on the straight line between two checkpoints, or on the lines between all pairs of several, and the loss barrier",
        details: record::DEFINITION,
        networks: Some(Networks {
            least: 2,
            most: usize::MAX,
            value_name: "CHECKPOINT",
            help: "Two checkpoints, or more for the lines between all pairs; the first of each pair is at coefficient 0, the second at 1",
            roles: &["From", "To"],
            unless: Some("results"),
        }),
        split: Some(Split::Test),
        takes_memory: false,
        takes_names: false,
    };
    type Settings = LineSettings;
    type Output = Interpolation;
    type Part = Lines;

    /// Measures accuracy, loss and, of findings, AUC along each line. All checkpoints are read before the first point is measured,
    /// and images are decoded once for all; each point is written as it comes, and points that a folder has already are kept, and
    /// not measured again. Of several lines each has a folder in [`super::request::Surroundings::output`].
    fn run(
        request: &Request<LineSettings>,
        watch: Watch<Analysed<Interpolation>>,
        job: &Job,
    ) -> Result<AllAnalysed<Interpolation>> {
        if let Some(file) = &request.settings.results {
            return reference::stored(file, request);
        }
        let (experiment, names) = (request.experiment()?, request.names()?);
        let mut images = Images::open(request, &experiment)?;
        let load = |location: &Location| Subject::load(location, &experiment, &images.dataset, job);
        let subjects = request.networks.iter().map(load).collect::<Result<Vec<Subject>>>()?;
        let output = request.surroundings.output.as_deref();
        let statistics = match subjects.iter().any(|subject| subject.network.is_normalised()) {
            true => request.settings.statistics.0.iter().copied().map(Some).collect(),
            false => vec![None],
        };
        if statistics.is_empty() {
            return Err(Error::usage(
                "no kind of running statistics is chosen; choose measured, averaged or both",
            ));
        }
        let mut lines = Vec::new();
        for (at, one) in subjects.iter().enumerate() {
            for (two, name) in subjects.iter().zip(&names).skip(at + 1) {
                lines.extend(
                    statistics.iter().map(|statistics| ([one, two], [&names[at], name], *statistics)),
                );
            }
        }
        let has_several = lines.len() > 1;
        let mut each = Vec::new();
        for (ends, names, statistics) in lines {
            let line = Interpolation::new(request, &experiment, &images.dataset, ends, statistics);
            if has_several {
                let of = statistics.map(|kind| format!(", running statistics {kind}")).unwrap_or_default();
                job.emit(Event::Note(format!("the line from {} to {}{of}", names[0], names[1])));
            }
            let output =
                output.map(|output| if has_several { output.join(line.name()) } else { output.to_owned() });
            let names = names.map(String::clone).to_vec();
            each.push(measure(ends, names, line, output.as_deref(), &mut images, watch, job)?);
        }
        if !has_several {
            return Ok(AllAnalysed { each, together: None });
        }
        let sources: Vec<_> = subjects.iter().map(|subject| &subject.source).collect();
        let inputs =
            Inputs::new(&experiment, &images.dataset, request.surroundings.selection.split, &sources);
        let together = match subjects.first() {
            Some(first) => {
                first.source.result_folder("all-pairs", &inputs.name(""), &request.surroundings.base, output)
            }
            None => request.surroundings.base.clone(),
        };
        Ok(AllAnalysed { each, together: Some(together) })
    }

    fn networks(line: &Interpolation) -> Vec<Location> {
        line.inputs.locations()
    }

    fn report(lines: &[Analysed<Interpolation>], _shown: &[String]) -> Result<Report> {
        let label = |line: &Analysed<Interpolation>| match line.output.statistics {
            Some(kind) => format!("{}, statistics {kind}", line.names.join(" to ")),
            None => line.names.join(" to "),
        };
        let labels: Vec<String> = lines.iter().map(label).collect();
        let labelled: Vec<_> =
            labels.iter().map(String::as_str).zip(lines.iter().map(|line| &line.output)).collect();
        // A single line needs no legend.
        let drawn: Vec<_> = match labelled.as_slice() {
            [(_, only)] => vec![("", *only)],
            several => several.to_vec(),
        };
        let metrics = lines.first().map_or(Vec::new(), |line| line.output.metrics());
        let mut report = Report::default();
        let curve = |metric: &Metric| {
            let name = metric.name();
            FigureItem::new(FileNames::both(name, format!("interpolation-{name}")), chart(*metric, &drawn))
                .of("metric", name)
        };
        let mut caption = "Networks on a line: coefficient 0 is the first network, 1 the second.".to_owned();
        let points = lines.iter().flat_map(|line| &line.output.points);
        let endless: Vec<f64> =
            points.filter(|point| point.measures.loss.is_infinite()).map(|point| point.coefficient).collect();
        caption += RunningStatistics::in_caption(lines.iter().map(|line| line.output.statistics));
        if !endless.is_empty() {
            caption += &format!(" Here {}.", not_finite(&endless));
        }
        report.row(metrics.iter().map(curve).collect(), &caption);
        if lines.len() > 1 {
            let grouped = |metric: &Metric| {
                let name = format!("bars-{}", metric.name());
                let files = FileNames::both(name.clone(), format!("interpolation-{name}"));
                FigureItem::new(files, coefficient_bars(*metric, &labelled)).of("metric", metric.name())
            };
            report.row(
                metrics.iter().map(grouped).collect(),
                "The same points as a group of bars for each coefficient.",
            );
        }
        let barrier = |metric: &Metric| {
            let name = format!("barrier-{}", metric.name());
            let result = (lines.len() > 1).then(|| name.clone());
            FigureItem::new(FileNames { result, study: Some(name) }, bars(*metric, &labelled))
                .of("metric", metric.name())
        };
        report.row(
            metrics.iter().map(barrier).collect(),
            "The barrier: how far the line falls below the chord between its ends, at most. Error bars span 95 % intervals of a \
             bootstrap over images.",
        );
        if let [line] = lines {
            report.table(FileNames::default(), point_table(&line.output), "");
        }
        let whole: Vec<_> = labelled.into_iter().filter(|(_, line)| line.barrier.is_some()).collect();
        report.table(
            FileNames::study("barriers"),
            barrier_table(&whole),
            "For a metric m at coefficient c, the barrier is the maximum of (1 - c) m(0) + c m(1) - m(c) over c in [0, 1], with the \
             sign turned for the loss.",
        );
        for line in lines {
            // Where both kinds are there, the barrier is that of the weights.
            let is_of_weights = line.output.statistics != Some(RunningStatistics::Averaged)
                || !lines.iter().any(|line| line.output.statistics == Some(RunningStatistics::Measured));
            let barrier = line.output.barrier.filter(|_| is_of_weights);
            if let Some(height) = barrier.and_then(|barrier| barrier.accuracy) {
                report.measure(Quantity::Barrier, &line.names, height.value);
            }
        }
        Ok(report)
    }

    fn json(results: &AllAnalysed<Interpolation>) -> Result<String> {
        match results.each.as_slice() {
            [line] => json_line(&line.output),
            lines => json_line(&lines.iter().map(|line| &line.output).collect::<Vec<_>>()),
        }
    }

    fn asked(part: &Lines) -> std::result::Result<Vec<Asked<LineSettings>>, String> {
        part.coefficients.check()?;
        let coefficients = part.coefficients.coefficients();
        let settings = LineSettings { coefficients, ..LineSettings::default() };
        Ok(part.pairs.iter().map(|(one, two)| Asked::new(&[one, two], settings.clone())).collect())
    }
}

/// The images of a request, decoded when the first point needs them.
struct Images<'a> {
    request: &'a Request<LineSettings>,
    experiment: &'a Experiment,
    dataset: Dataset,
    decoded: Option<EvalImages>,
    training: Option<TrainingImages>,
}

impl<'a> Images<'a> {
    fn open(request: &'a Request<LineSettings>, experiment: &'a Experiment) -> Result<Self> {
        let dataset = request.surroundings.selection.open(experiment)?;
        Ok(Self { request, experiment, dataset, decoded: None, training: None })
    }

    fn decoded(&mut self, job: &Job) -> Result<&EvalImages> {
        let selection = self.request.surroundings.selection;
        Ok(match &mut self.decoded {
            Some(images) => images,
            none => none.insert(selection.decode(&self.dataset, self.experiment, job)?),
        })
    }

    /// The network with running statistics of its own.
    fn measure_statistics(&mut self, network: Network, job: &Job) -> Result<Network> {
        let images = match &mut self.training {
            Some(images) => images,
            none => none.insert(TrainingImages::decode(self.experiment, job)?),
        };
        images.measure(network, job)
    }
}

/// One line.
fn measure(
    [one, two]: [&Subject; 2],
    names: Vec<String>,
    result: Interpolation,
    output: Option<&Path>,
    images: &mut Images,
    watch: Watch<Analysed<Interpolation>>,
    job: &Job,
) -> Result<Analysed<Interpolation>> {
    let request = images.request;
    let coefficients = with_ends(&request.settings.coefficients.0)?;
    let folder =
        one.source.result_folder("interpolation", &result.name(), &request.surroundings.base, output);
    let _lock = claim(&folder)?;
    let earlier = result.known(&folder)?;
    let labels: Vec<usize> = (0..images.dataset.len()).map(|sample| images.dataset.label(sample)).collect();
    let labelling = images.dataset.labelling();
    let mut line = samples::known(&folder, &result.name());
    let mut analysed = Analysed { names, output: result, folder };
    let result = &mut analysed.output;
    result.points =
        line.iter().map(|(coefficient, samples)| samples.point(*coefficient, &labels, labelling)).collect();
    let name = result.name();

    let missing: Vec<f64> = coefficients.iter().copied().filter(|c| result.point(*c).is_none()).collect();
    show(watch, &analysed);
    let (known, total) = (coefficients.len() - missing.len(), coefficients.len());
    for (number, coefficient) in missing.into_iter().enumerate() {
        let mut network = one.network.blend(&two.network, coefficient);
        if analysed.output.statistics == Some(RunningStatistics::Measured) {
            network = images.measure_statistics(network, job)?;
        }
        let evaluation = evaluate(&network, images.decoded(job)?, job)?;
        let summary = evaluation.summary(request.surroundings.selection.split.title());
        if !evaluation.is_finite() {
            job.emit(Event::Note(not_finite(&[coefficient])));
        }
        let samples = Samples::of(evaluation);
        samples.save(&analysed.folder, &name, coefficient)?;
        analysed.output.add(samples.point(coefficient, &labels, labelling));
        analysed.output.write(&analysed.folder)?;
        line.push((coefficient, samples));
        show(watch, &analysed);
        job.emit(Event::Point { coefficient, summary, done: known + number + 1, total });
    }
    let result = &mut analysed.output;
    result.barrier = match earlier {
        Some(earlier) if earlier.points == result.points && earlier.barrier.is_some() => earlier.barrier,
        _ => barrier::barrier(line, &labels, labelling, job)?,
    };
    result.write(&analysed.folder)?;
    Ok(analysed)
}

/// That networks on a line overflow, or compute no numbers.
fn not_finite(coefficients: &[f64]) -> String {
    let mut shown: Vec<String> =
        coefficients.iter().map(|coefficient| number::general(*coefficient)).collect();
    shown.dedup();
    let cause = match coefficients.iter().all(|coefficient| (0.0..=1.0).contains(coefficient)) {
        true => "",
        false => "; beyond the ends of a line, running variances of batch normalisation may be negative",
    };
    format!("the network's outputs are not finite at coefficient {}{cause}", shown.join(", "))
}

/// Adds the coefficients 0 and 1, which the chord needs, and sorts; numbers that rounding has put beside an end become it.
fn with_ends(coefficients: &[f64]) -> Result<Vec<f64>> {
    if let Some(wrong) = coefficients.iter().find(|c| !c.is_finite()) {
        return Err(Error::usage(format!("a coefficient must be a number: {wrong}")));
    }
    let near_end = |c: &f64| (c.abs() < 1e-9) || (c - 1.0).abs() < 1e-9;
    let mut all: Vec<f64> = coefficients.iter().copied().filter(|c| !near_end(c)).chain([0.0, 1.0]).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::coefficients::linspace;

    #[test]
    fn coefficients_hold_both_ends() {
        assert_eq!(with_ends(&linspace(-0.2, 1.2, 8)).unwrap().len(), 8);
        assert_eq!(with_ends(&[0.5, 2.0]).unwrap(), [0.0, 0.5, 1.0, 2.0]);
        assert!(with_ends(&[f64::NAN]).is_err());
    }
}
