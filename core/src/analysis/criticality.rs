//! Module criticality: how far one module can go back towards its start, and how much noise it bears there, before the network
//! is worse (paper section 3.5 and Figure 6; Chatterji, Neyshabur and Sedghi 2020).

mod assemble;
mod chart;
mod path;
mod perturbation;
mod plan;
mod record;
mod rule;
mod samples;
mod score;
mod surface;

use serde::{Deserialize, Serialize};

use self::plan::Plan;
use super::coefficients::{Coefficients, EvenlySpaced};
use super::journal::Journal;
use super::measures::Metric;
use super::named::Named;
use super::record::{Inputs, Stored as _, Watch};
use super::report::{FigureItem, FileNames, Report};
use super::request::Request;
use super::selection::Selection;
use super::settings::{Commas, settings};
use super::statistics::{RunningStatistics, TrainingImages};
use super::{About, AllAnalysed, Analysed, Analysis, Asked, Networks};
use crate::checkpoint::Location;
use crate::data::Split;
use crate::error::{Error, Result};
use crate::figure::HeatMap;
use crate::job::Job;

pub use chart::{heat_map, points_table, score_bars, score_table, table};
pub use path::PathKind;
pub use record::{Criticality, Point, Surface};
pub use rule::{Bound, Objective, Rule, Score};
pub use score::score;

settings! {
    /// What is measured, where, and by which rule it is scored.
    pub struct CriticalitySettings {
        /// The start of the paths: an epoch of the same run, or a checkpoint's path.
        start: Named = Named::Epoch(0) => "EPOCH|PATH";
        /// The paths, with commas: direct (the straight line) and optimisation (the checkpoints of the run).
        paths: Commas<PathKind> = Commas(vec![PathKind::Direct]) => "PATHS";
        /// The modules, with commas, such as conv1,layer1.0,fc; all unless set.
        modules: Commas<String> = Commas::default() => "MODULES";
        /// Coefficients on the direct path: first:last:count, or numbers with commas.
        alphas: Coefficients = Coefficients::even(0.0, 1.0, 11) => "RANGE";
        /// Standard deviations of the noise: first:last:count, or numbers with commas. 0 is drawn, but has no score.
        sigmas: Coefficients = Coefficients::even(0.0, 1.0, 11) => "RANGE";
        /// Draws of noise for each point; the authors' public implementation takes 10.
        draws: usize = 3 => "N";
        /// Seed of the noise.
        seed: u64 = 0 => "SEED";
        /// Running statistics of batch-normalised networks: measured anew at each point on up to 2048 training images, or averaged,
        /// which is to say that those of the module follow its path.
        statistics: RunningStatistics = RunningStatistics::Measured => "STATISTICS";
        /// The objective by which a point is compared with the end: loss, error (the 0-1 loss of the definition), or auc (1 - AUC).
        objective: Objective = Objective::Loss => "OBJECTIVE";
        /// A point counts as good as the end if its objective is at most FACTOR times the end's; 1.01, the public implementation's,
        /// unless set.
        within: Option<f64> = None => "FACTOR";
        /// A point counts as good as the end if its objective is at most EPSILON, as in the definition, whatever the end's is.
        epsilon: Option<f64> = None => "EPSILON";
    }
}

impl CriticalitySettings {
    /// When a point is as good as the end.
    fn rule(&self) -> Result<Rule> {
        let bound = match (self.within, self.epsilon) {
            (Some(_), Some(_)) => {
                return Err(Error::usage(
                    "--within and --epsilon bound the objective in two ways; set one of them",
                ));
            }
            (Some(factor), None) => Bound::Relative(factor),
            (None, Some(epsilon)) => Bound::Absolute(epsilon),
            (None, None) => Rule::default().bound,
        };
        let rule = Rule { objective: self.objective, bound };
        rule.check()?;
        Ok(rule)
    }

    /// The places and the noise.
    fn grid(&self) -> Result<Grid> {
        let (alphas, sigmas) = (self.alphas.0.clone(), self.sigmas.0.clone());
        Grid { alphas, sigmas, draws: self.draws, seed: self.seed }.in_order()
    }
}

/// Which surfaces a study measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surfaces {
    /// The networks at the ends of the paths.
    pub networks: Vec<String>,
    /// Names of the modules; all if there are none.
    #[serde(default)]
    pub modules: Vec<String>,
    /// The modules whose surfaces are drawn; of all others only the score.
    pub drawn: Vec<String>,
    /// The paths from the start to each end.
    pub paths: Vec<PathKind>,
    /// Training images, evenly spaced over their list; all unless set.
    #[serde(default)]
    pub samples: Option<usize>,
    /// Coefficients on the direct path, from 0 to 1.
    pub alphas: usize,
    /// Standard deviations of the noise.
    pub sigmas: EvenlySpaced,
    /// Draws of noise for each point.
    pub draws: usize,
    /// When a point is as good as the end.
    #[serde(default)]
    pub rule: Rule,
}

/// The places of a surface, and the noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Coefficients of the end on the direct path, from 0 to 1.
    pub alphas: Vec<f64>,
    /// Standard deviations of the Gaussian noise on each parameter. One of 0 is drawn, but has no score.
    pub sigmas: Vec<f64>,
    /// Draws of noise for each point.
    pub draws: usize,
    /// Seed of the noise.
    pub seed: u64,
}

impl Grid {
    /// The same with its numbers in order, each once.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the number that is out of range.
    fn in_order(&self) -> Result<Self> {
        if let Some(alpha) = self.alphas.iter().find(|alpha| !(0.0..=1.0).contains(*alpha)) {
            return Err(Error::usage(format!("a coefficient on the path is {alpha}; choose it from 0 to 1")));
        }
        if let Some(sigma) = self.sigmas.iter().find(|sigma| !sigma.is_finite() || **sigma < 0.0) {
            return Err(Error::usage(format!("a standard deviation of noise is {sigma}; choose 0 or more")));
        }
        if self.draws == 0 || self.alphas.is_empty() || self.sigmas.is_empty() {
            return Err(Error::usage("a surface needs at least one coefficient, one deviation and one draw"));
        }
        let sorted = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_by(f64::total_cmp);
            values.dedup();
            values
        };
        Ok(Self { alphas: sorted(&self.alphas), sigmas: sorted(&self.sigmas), ..*self })
    }
}

/// The surface of each module over its place on a path and the noise, all other modules being those of the end, and its score.
pub struct ModuleCriticality;

impl Analysis for ModuleCriticality {
    const ABOUT: About = About {
        name: "criticality",
        command: "criticality",
        title: "Criticality",
        summary: "Measures module criticality: how far each module can go back towards its start, and how much noise it bears there",
        details: "",
        networks: Some(Networks {
            least: 1,
            most: usize::MAX,
            value_name: "CHECKPOINT",
            help: "The ends of the paths: the final checkpoint, the best, or both",
            roles: &["End of the paths"],
            unless: None,
        }),
        split: Some(Split::EvalTrain),
        takes_memory: true,
        takes_names: false,
    };
    type Settings = CriticalitySettings;
    type Output = Criticality;
    type Part = Surfaces;

    /// Activations before a module are computed once. Each draw is written as it comes; draws that the folder has already, also
    /// those of another grid, are not measured again. `watch` is shown the result now and then; what is not measured yet is not a
    /// number.
    fn run(
        request: &Request<CriticalitySettings>,
        watch: Watch<Analysed<Criticality>>,
        job: &Job,
    ) -> Result<AllAnalysed<Criticality>> {
        let (paths, names) = (&request.settings.paths.0, request.names()?);
        if paths.is_empty() {
            return Err(Error::usage("no path is chosen; choose direct, optimisation or both"));
        }
        if request.surroundings.output.is_some() && request.networks.len() * paths.len() > 1 {
            return Err(Error::usage(
                "--output is one folder, but each path to each checkpoint needs its own; name one of each",
            ));
        }
        let mut each = Vec::new();
        for (end, name) in request.networks.iter().zip(names) {
            for &path in paths {
                each.push(measure(end, &name, path, request, watch, job)?);
            }
        }
        Ok(AllAnalysed { each, together: None })
    }

    fn networks(result: &Criticality) -> Vec<Location> {
        result.inputs.locations().into_iter().skip(1).collect()
    }

    fn report(results: &[Analysed<Criticality>], shown: &[String]) -> Result<Report> {
        let mut report = Report::default();
        let has_several_paths = results.iter().any(|one| one.output.path != results[0].output.path);
        let label = |one: &Analysed<Criticality>| {
            let name = one.names.first().cloned().unwrap_or_default();
            if has_several_paths { format!("{name}, {}", one.output.path) } else { name }
        };
        let labels: Vec<String> = results.iter().map(label).collect();
        let outputs = results.iter().map(|one| &one.output);
        let labelled: Vec<(&str, &Criticality)> = labels.iter().map(String::as_str).zip(outputs).collect();
        let drawn: Vec<_> = match labelled.as_slice() {
            [(_, only)] => vec![("", *only)],
            several => several.to_vec(),
        };
        report.row(
            vec![FigureItem::new(FileNames::both("criticality", "criticality"), score_bars(&drawn))],
            "The criticality of each module; where a bar is missing, no point with noise is as good as the end.",
        );
        report.row(
            surfaces(&labelled, shown),
            "From left to right from the module's start to its end, from bottom to top more noise.",
        );
        let epsilons =
            labelled.iter().map(|(label, result)| format!("{label}: {}.", result.epsilon_in_words()));
        let note = "The smallest (distance from the start / noise)^2 of a place that is as good as the end.";
        let note = format!("{note} {}", epsilons.collect::<Vec<_>>().join(" "));
        report.long_table(FileNames::study("criticality"), score_table(&labelled), &note);
        for result in labelled.iter().map(|(_, result)| result) {
            let end =
                result.inputs.networks.last().map_or(String::new(), |source| source.location.to_string());
            let statistics = match result.statistics {
                Some(RunningStatistics::Measured) => "; running statistics are measured anew at each point",
                Some(RunningStatistics::Averaged) => "; running statistics follow the path",
                None => "",
            };
            report.lead.push(format!(
                "{} path to {end}; {}{statistics}",
                result.path,
                result.epsilon_in_words()
            ));
            report.table(FileNames::default(), table(result), "");
            report.long_table(FileNames::result("points"), points_table(result), "");
        }
        Ok(report)
    }

    fn asked(part: &Surfaces) -> std::result::Result<Vec<Asked<CriticalitySettings>>, String> {
        part.sigmas.check()?;
        let (within, epsilon) = match part.rule.bound {
            Bound::Relative(factor) => (Some(factor), None),
            Bound::Absolute(epsilon) => (None, Some(epsilon)),
        };
        let selection = Selection { split: Split::EvalTrain, samples: part.samples };
        let settings = |path: &PathKind| CriticalitySettings {
            paths: Commas(vec![*path]),
            modules: Commas(part.modules.clone()),
            alphas: Coefficients::even(0.0, 1.0, part.alphas),
            sigmas: part.sigmas.coefficients(),
            draws: part.draws,
            objective: part.rule.objective,
            within,
            epsilon,
            ..CriticalitySettings::default()
        };
        let asked = |network| {
            let asked = move |path| Asked { selection, ..Asked::new(&[network], settings(path)) };
            part.paths.iter().map(asked)
        };
        Ok(part.networks.iter().flat_map(asked).collect())
    }

    fn shown(part: &Surfaces) -> Vec<String> {
        part.drawn.clone()
    }
}

/// The surfaces of all modules in each metric; for a study those of some modules in the first metric, networks beside each other.
fn surfaces(labelled: &[(&str, &Criticality)], shown: &[String]) -> Vec<FigureItem> {
    let mut figures = Vec::new();
    for module in shown {
        for (number, (label, result)) in labelled.iter().enumerate() {
            let surface = result.modules.iter().find(|surface| surface.module == *module);
            let metric = Metric::of_network(&result.end).first();
            if let (Some(surface), Some(metric)) = (surface, metric) {
                let map =
                    HeatMap { title: format!("{label}: {module}"), ..heat_map(result, surface, *metric) };
                figures
                    .push(FigureItem::new(FileNames::study(format!("criticality-{module}-{number}")), map));
            }
        }
    }
    if shown.is_empty() {
        for (_, result) in labelled {
            for surface in &result.modules {
                let figure = |metric: &Metric| {
                    let files = FileNames::result(format!("{}-{}", surface.module, metric.name()));
                    let figure = FigureItem::new(files, heat_map(result, surface, *metric));
                    figure.of("module", &surface.module).of("metric", metric.name())
                };
                figures.extend(Metric::of_network(&result.end).iter().map(figure));
            }
        }
    }
    figures
}

/// One path to one end.
fn measure(
    end: &Location,
    name: &str,
    path: PathKind,
    request: &Request<CriticalitySettings>,
    watch: Watch<Analysed<Criticality>>,
    job: &Job,
) -> Result<Analysed<Criticality>> {
    let (settings, surroundings) = (&request.settings, &request.surroundings);
    let (rule, grid) = (settings.rule()?, settings.grid()?);
    let experiment = surroundings.experiment(end)?;
    let dataset = surroundings.selection.open(&experiment)?;
    let plan = Plan::open(end, path, settings, grid, &experiment, &dataset, job)?;
    let inputs = Inputs::new(&experiment, &dataset, surroundings.selection.split, &plan.ends());
    let empty = Criticality::new(path, rule, settings.statistics, &plan, inputs);
    let (base, output) = (&surroundings.base, surroundings.output.as_deref());
    let folder = plan.ends()[1].result_folder("criticality", &empty.name(), base, output);

    let mut journal = Journal::open(&folder, &empty.name())?;
    let names = vec![name.to_owned()];
    let show = |so_far: Criticality| {
        if let Some(watch) = watch {
            watch(&Analysed { names: names.clone(), output: so_far, folder: folder.clone() });
        }
    };
    let images = || {
        let training = TrainingImages::of(empty.statistics, &experiment, job)?;
        Ok((surroundings.selection.decode(&dataset, &experiment, job)?, training))
    };
    let show = watch.is_some().then_some(&show as &dyn Fn(Criticality));
    surface::measure(&plan, images, surroundings.memory_bytes, &empty, &mut journal, show, job)?;
    let output = empty.filled(&plan, &journal.points, true)?;
    output.save(&folder)?;
    Ok(Analysed { names, output, folder })
}
