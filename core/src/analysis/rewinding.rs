//! Rewinding: one module at a time goes back to an earlier value, or to a fresh draw, all else stays (paper section 3.5 and
//! Figure 5; Zhang, Bengio and Singer 2019, "Are all layers created equal?").

mod chart;
mod record;

use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::measures::{Measures, Metric};
use super::named::Named;
use super::record::{Inputs, Stored as _, Watch};
use super::selection::Selection;
use super::subject::Subject;
use super::sweep::{Sweep, Visit, chosen_modules};
use crate::config::Experiment;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::figure::Figure as _;
use crate::job::Job;
use crate::model::arch::{Module, Role};
use crate::model::init::zero_head;
use crate::model::{Arch, Network, initial_state};

pub use chart::{chart, table};
pub use record::{Origin, Rewinding, Rewound};

/// What is rewound, and to what.
pub struct Request<'a> {
    /// The network whose modules are rewound.
    pub checkpoint: &'a Path,
    /// What they are rewound to.
    pub to: &'a [Named],
    /// Seeds of fresh draws of the architecture's initialisation, which modules are set to as well.
    pub seeds: &'a [u64],
    /// Names of the modules; all if there are none.
    pub modules: &'a [String],
    /// The images on which all are measured.
    pub selection: Selection,
    /// Settings that say where images come from, and how they are prepared.
    pub experiment: &'a Experiment,
    /// Bytes for what is computed once; see [`Sweep::memory_bytes`].
    pub memory_bytes: usize,
    /// Where analyses are written if the checkpoint lies in no run.
    pub base: &'a Path,
    /// The folder for the results, instead of one in the run of the checkpoint.
    pub output: Option<&'a Path>,
    /// Shown the result after each point; measures that are not there yet are not a number.
    pub watch: Watch<'a, Rewinding>,
}

/// A line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    /// The module and the position of what it was set to; absent for the network itself.
    rewound: Option<(String, usize)>,
    measures: Measures,
}

/// Measures the network, and then with each module set to each origin. Running statistics go with their module, counters
/// stay. Points are written as they come, and those that the folder has already are not measured again.
///
/// Returns the result and its folder.
///
/// # Errors
/// [`Error::Data`] for a checkpoint that is missing, broken or of another architecture, [`Error::Diverged`] for one that is
/// not finite, [`Error::Usage`] for a module that there is not, [`Error::Interrupted`] with the points so far written.
pub fn rewind(request: &Request, job: &Job) -> Result<(Rewinding, PathBuf)> {
    let experiment = request.experiment;
    let dataset = request.selection.open(experiment)?;
    let subject = Subject::load(request.checkpoint, experiment, &dataset, job)?;
    let Subject { source, network } = &subject;
    let chosen = chosen_modules(&network.arch, request.modules)?;
    let modules = network.arch.modules();
    let (origins, networks) = origins(request, &dataset, &network.arch, job)?;
    let inputs = Inputs::new(experiment, &dataset, request.selection.split, &[source]);
    let name = record::name(&inputs, &origins);
    let folder = subject.source.result_folder("rewinding", &name, request.base, request.output);
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
        let Some(watch) = request.watch else { return Ok(()) };
        result(points, Some(Measures::UNKNOWN)).map(|so_far| watch(&so_far))
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
        let images = request.selection.decode(&dataset, experiment, job)?;
        let sweep = Sweep { network, images: &images, memory_bytes: request.memory_bytes, what: "rewinding" };
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
    for metric in Metric::of_network(&result.none) {
        chart(*metric, &[("", &result)]).save(&folder.join(metric.name()))?;
    }
    Ok((result, folder))
}

/// What modules are set to, and the networks that have these values.
fn origins(
    request: &Request,
    dataset: &Dataset,
    arch: &Arch,
    job: &Job,
) -> Result<(Vec<Origin>, Vec<Network>)> {
    let checkpoints = request.to.iter().map(|named| {
        let path = named.find(request.checkpoint)?;
        let Subject { source, network } = Subject::load(&path, request.experiment, dataset, job)?;
        Ok((Origin::Checkpoint(source), network))
    });
    let draws = request.seeds.iter().map(|&seed| {
        let mut state = initial_state(arch, seed);
        if request.experiment.model.kwargs.zero_fc_init {
            zero_head(arch, &mut state);
        }
        Ok((Origin::Drawn { seed }, Network::new(arch.clone(), &state, &job.device)?))
    });
    checkpoints.chain(draws).collect()
}

/// The values of a module of `network` when it is set to that of `origin`: counters, which are no place, stay.
fn place_of(network: &Network, origin: &Network, module: &Module) -> Vec<Tensor<1>> {
    let value = |index: &usize| match network.arch.parameters[*index].role {
        Role::Count => network.parameters[*index].clone(),
        Role::Trained | Role::Statistic => origin.parameters[*index].clone(),
    };
    module.parameters.iter().map(value).collect()
}
