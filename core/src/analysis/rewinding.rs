//! Rewinding: one module at a time goes back to an earlier value, or to a fresh draw, all else stays (paper section 3.5 and
//! Figure 5; Zhang, Bengio and Singer 2019, "Are all layers created equal?").

mod chart;
mod record;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::measures::{Measures, Metric};
use super::named::Named;
use super::record::{Inputs, Stored as _, Watch};
use super::report::{FigureItem, FileNames, Report};
use super::request::Request;
use super::settings::{Commas, Repeated, settings};
use super::subject::Subject;
use super::sweep::{Sweep, Visit, chosen_modules};
use super::{About, AllAnalysed, Analysed, Analysis, Asked, Networks};
use crate::checkpoint::Location;
use crate::config::Experiment;
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::model::arch::{Module, Role};
use crate::model::{Arch, Network};
use crate::train::start::drawn_state;

pub use chart::{chart, table};
pub use record::{Origin, Rewinding, Rewound};

settings! {
    /// What is rewound, and to what.
    pub struct RewindingSettings {
        /// What modules are rewound to: an epoch of the same run, or a checkpoint's path; may be repeated.
        to: Repeated<Named> = Repeated(vec![Named::Epoch(0)]) => "EPOCH|PATH";
        /// Also sets modules to a fresh draw of the architecture's initialisation (re-randomisation), with this seed; may be repeated.
        rerandomise: Repeated<u64> = Repeated::default() => "SEED";
        /// The modules, with commas, such as conv1,layer1.0,fc; all unless set.
        modules: Commas<String> = Commas::default() => "MODULES";
    }
}

/// The networks of a study whose modules are rewound to epoch 0 of their runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewoundNetworks {
    /// The networks.
    pub networks: Vec<String>,
    /// Whether modules are also set to a fresh draw.
    #[serde(default)]
    pub redraw: bool,
}

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    /// The module and the position of what it was set to; absent for the network itself.
    rewound: Option<(String, usize)>,
    measures: Measures,
}

/// The network itself, and with one module at a time set to each origin.
pub struct ModuleRewinding;

impl Analysis for ModuleRewinding {
    const ABOUT: About = About {
        name: "rewinding",
        command: "rewind",
        title: "Rewinding",
        summary: "Rewinds one module at a time to its value at an earlier epoch (re-initialisation robustness), and measures the loss of accuracy",
        details: "",
        networks: Some(Networks {
            least: 1,
            most: 1,
            value_name: "CHECKPOINT",
            help: "The network whose modules are rewound: the final checkpoint, or another one",
            roles: &["Network to rewind"],
            unless: None,
        }),
        split: Some(Split::Test),
        takes_memory: true,
        takes_names: false,
    };
    type Settings = RewindingSettings;
    type Output = Rewinding;
    type Part = RewoundNetworks;

    /// Running statistics go with their module, counters stay. Points are written as they come, and those that the folder has
    /// already are not measured again. `watch` is shown measures that are not there yet as not a number.
    fn run(
        request: &Request<RewindingSettings>,
        watch: Watch<Analysed<Rewinding>>,
        job: &Job,
    ) -> Result<AllAnalysed<Rewinding>> {
        let (experiment, surroundings) = (&request.experiment()?, &request.surroundings);
        let (selection, called) = (surroundings.selection, request.names()?);
        let dataset = selection.open(experiment)?;
        let subject = Subject::load(request.first(), experiment, &dataset, job)?;
        let Subject { source, network } = &subject;
        let chosen = chosen_modules(&network.arch, &request.settings.modules.0)?;
        let modules = network.arch.modules();
        let (origins, networks) = origins(request, experiment, &dataset, &network.arch, job)?;
        let inputs = Inputs::new(experiment, &dataset, selection.split, &[source]);
        let name = record::name(&inputs, &origins);
        let folder =
            source.result_folder("rewinding", &name, &surroundings.base, surroundings.output.as_deref());
        let names: Vec<String> = chosen.iter().map(|module| modules[*module].name.to_owned()).collect();
        let result = |points: &[Point], missing: Option<Measures>| {
            let of = |rewound: Option<(String, usize)>| {
                let point = points.iter().find(|point| point.rewound == rewound);
                let measures = point.map(|point| point.measures).or(missing);
                measures.ok_or_else(|| Error::run("a point was not measured"))
            };
            let rewound = origins.iter().enumerate().map(|(number, origin)| {
                let measures = names.iter().map(|name| of(Some((name.clone(), number))));
                Ok(Rewound { origin: origin.clone(), measures: measures.collect::<Result<_>>()? })
            });
            Ok::<_, Error>(Rewinding {
                schema: 1,
                inputs: inputs.clone(),
                arch: network.arch.name.clone(),
                modules: names.clone(),
                none: of(None)?,
                rewound: rewound.collect::<Result<_>>()?,
            })
        };
        let show = |points: &[Point]| {
            let Some(watch) = watch else { return Ok(()) };
            let output = result(points, Some(Measures::UNKNOWN))?;
            watch(&Analysed { names: called.clone(), output, folder: folder.clone() });
            Ok(())
        };

        let mut journal: Journal<Point> = Journal::open(&folder, &name)?;
        let known = |rewound: &Option<(String, usize)>| journal.points.iter().any(|p| p.rewound == *rewound);
        let keys = |module: usize| {
            let name = modules[module].name;
            (0..origins.len()).map(|origin| Some((name.to_owned(), origin))).collect()
        };
        let mut visits: Vec<_> = chosen.iter().map(|&module| Visit { module, keys: keys(module) }).collect();
        // The network itself: any module has its own values.
        visits[0].keys.insert(0, None);
        visits.iter_mut().for_each(|visit| visit.keys.retain(|key| !known(key)));
        if visits.iter().any(|visit| !visit.keys.is_empty()) {
            let images = selection.decode(&dataset, experiment, job)?;
            let sweep = Sweep {
                network,
                images: &images,
                memory_bytes: surroundings.memory_bytes,
                training: None,
                what: "rewinding",
            };
            let values = |module: usize, key: &Option<(String, usize)>| {
                let origin = key.as_ref().map_or(network, |(_, origin)| &networks[*origin]);
                Ok(place_of(network, origin, &modules[module]))
            };
            show(&journal.points)?;
            let take = |key: &Option<(String, usize)>, evaluation: &_| {
                journal.add(Point { rewound: key.clone(), measures: Measures::from(evaluation) })?;
                show(&journal.points)
            };
            sweep.run(&visits, values, take, job)?;
        }

        let result = result(&journal.points, None)?;
        result.save(&folder)?;
        Ok(AllAnalysed::one(called, result, folder))
    }

    fn networks(result: &Rewinding) -> Vec<Location> {
        result.inputs.locations()
    }

    fn report(results: &[Analysed<Rewinding>], _shown: &[String]) -> Result<Report> {
        let mut report = Report::default();
        let labelled: Vec<(&str, &Rewinding)> = match results {
            [only] => vec![("", &only.output)],
            several => several
                .iter()
                .map(|one| (one.names.first().map_or("", String::as_str), &one.output))
                .collect(),
        };
        let metrics = results.first().map_or(&[][..], |one| Metric::of_network(&one.output.none));
        // A study shows the first metric alone.
        let figure = |(number, metric): (usize, &Metric)| {
            let study = (number == 0).then(|| "rewinding".to_owned());
            let files = FileNames { result: Some(metric.name().to_owned()), study };
            FigureItem::new(files, chart(*metric, &labelled)).of("metric", metric.name())
        };
        report.row(
            metrics.iter().enumerate().map(figure).collect(),
            "After one module was set to its value before training, or to a fresh draw; `none` is the network itself.",
        );
        for (number, one) in results.iter().enumerate() {
            let files = FileNames::study(format!("rewinding-{number}"));
            let mut rows = table(&one.output);
            // What is not measured yet has no row.
            rows.rows.retain(|row| row.iter().skip(1).any(|cell| cell != "undefined"));
            report.table(files, rows, one.names.first().map_or("", String::as_str));
        }
        Ok(report)
    }

    fn asked(part: &RewoundNetworks) -> std::result::Result<Vec<Asked<RewindingSettings>>, String> {
        let rerandomise = Repeated(if part.redraw { vec![0] } else { Vec::new() });
        let settings = RewindingSettings { rerandomise, ..RewindingSettings::default() };
        Ok(part.networks.iter().map(|network| Asked::new(&[network], settings.clone())).collect())
    }
}

/// What modules are set to, and the networks that have these values.
fn origins(
    request: &Request<RewindingSettings>,
    experiment: &Experiment,
    dataset: &Dataset,
    arch: &Arch,
    job: &Job,
) -> Result<(Vec<Origin>, Vec<Network>)> {
    let checkpoints = request.settings.to.0.iter().map(|named| {
        let location = named.find(request.first())?;
        let Subject { source, network } = Subject::load(&location, experiment, dataset, job)?;
        Ok((Origin::Checkpoint(source), network))
    });
    let draws = request.settings.rerandomise.0.iter().map(|&seed| {
        let state = drawn_state(experiment, arch, seed);
        Ok((Origin::Drawn { seed }, Network::new(arch.clone(), &state, &job.device)?))
    });
    if request.settings.to.0.is_empty() && request.settings.rerandomise.0.is_empty() {
        return Err(Error::usage("modules are set to nothing; name an epoch, a checkpoint or a seed"));
    }
    checkpoints.chain(draws).collect()
}

/// The values of a module of `network` when it is set to that of `origin`: counters, which are no place, stay.
fn place_of(network: &Network, origin: &Network, module: &Module) -> Vec<Tensor<1>> {
    let value = |index: &usize| match network.arch.parameters[*index].role {
        Role::Count => network.parameters[*index].clone(),
        Role::Trained | Role::Frozen | Role::Statistic => origin.parameters[*index].clone(),
    };
    module.parameters.iter().map(value).collect()
}
