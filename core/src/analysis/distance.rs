//! How far apart networks are in parameter space (paper section 7, Table 2).

mod chart;
mod pairs;
mod trajectory;

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::record::{Stored, Watch};
use super::report::{Quantity, Report};
use super::request::Request;
use super::settings::settings;
use super::{About, AllAnalysed, Analysed, Analysis, Asked, Networks, Pair, json_line};
use crate::checkpoint::{Change, Diff, Location, StateDict, diff};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::model::Arch;
use crate::model::arch::Role;
use crate::run::RunDir;

pub use pairs::{Distances, PairDistance};
pub use trajectory::{Reference, Step, Trajectory};

settings! {
    /// What is measured instead of the distances between checkpoints.
    pub struct DistanceSettings {
        /// Measures every kept checkpoint of a run from its start, its pre-trained weights and its end, instead of checkpoints that are
        /// named.
        trajectory: Option<PathBuf> = None => "RUN_FOLDER";
    }
}

/// The distances of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistancePairs {
    /// The networks that are compared.
    pub pairs: Vec<Pair>,
}

/// Distances between networks, or along the training of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Measured {
    /// Between all pairs of networks.
    Between(Distances),
    /// Along a run.
    Along(Trajectory),
}

impl Stored for Measured {
    fn name(&self) -> String {
        match self {
            Self::Between(distances) => distances.name(),
            Self::Along(trajectory) => trajectory.name(),
        }
    }

    fn misfit(&self) -> Option<String> {
        match self {
            Self::Between(distances) => distances.misfit(),
            Self::Along(trajectory) => trajectory.misfit(),
        }
    }
}

/// Distances in parameter space: of each tensor, each module, and whole networks.
pub struct ParameterDistance;

impl Analysis for ParameterDistance {
    const ABOUT: About = About {
        name: "distance",
        command: "distance",
        title: "Distance",
        summary: "Measures the l2 distance of networks in parameter space: of each tensor, each module, and the whole network",
        details: "",
        networks: Some(Networks {
            least: 2,
            most: usize::MAX,
            value_name: "CHECKPOINT",
            help: "The checkpoints",
            roles: &["First network", "Second network"],
            unless: Some("trajectory"),
        }),
        split: None,
        takes_memory: false,
        takes_names: true,
    };
    type Settings = DistanceSettings;
    type Output = Measured;
    type Part = DistancePairs;

    fn run(
        request: &Request<DistanceSettings>,
        _watch: Watch<Analysed<Measured>>,
        job: &Job,
    ) -> Result<AllAnalysed<Measured>> {
        let surroundings = &request.surroundings;
        // Of a checkpoint that does not say its architecture, such as a bare state dict: that of the run beside it.
        let known = match (&surroundings.key, &request.settings.trajectory) {
            (None, Some(run)) => RunDir::at(run.clone()).read_record()?.map(|record| record.experiment),
            _ => surroundings.known_experiment(request.first())?,
        };
        let arch = known.as_ref().map(|experiment| experiment.model.arch.as_str());
        Ok(match &request.settings.trajectory {
            Some(run) => {
                let (trajectory, folder) = trajectory::trajectory(run, arch, surroundings, job)?;
                AllAnalysed::one(Vec::new(), Measured::Along(trajectory), folder)
            }
            None => {
                let names = request.names()?;
                let (distances, folder) = pairs::distances(&request.networks, arch, surroundings, job)?;
                AllAnalysed::one(names, Measured::Between(distances), folder)
            }
        })
    }

    fn networks(measured: &Measured) -> Vec<Location> {
        match measured {
            Measured::Between(distances) => {
                distances.networks.iter().map(|network| network.location.clone()).collect()
            }
            Measured::Along(_) => Vec::new(),
        }
    }

    fn report(results: &[Analysed<Measured>], _shown: &[String]) -> Result<Report> {
        let mut report = Report::default();
        let mut between = Vec::new();
        for Analysed { names, output, .. } in results {
            match output {
                Measured::Between(distances) => {
                    distances.add_to(&mut report, names);
                    for pair in &distances.pairs {
                        let networks = [names[pair.one].clone(), names[pair.two].clone()];
                        report.measure(Quantity::Distance, &networks, pair.distance.sum_of_tensors.l2);
                        between.push((networks.join(" to "), &pair.distance));
                    }
                }
                Measured::Along(trajectory) => trajectory.add_to(&mut report),
            }
        }
        if !between.is_empty() {
            chart::add_comparison(&mut report, &between);
        }
        Ok(report)
    }

    fn json(results: &AllAnalysed<Measured>) -> Result<String> {
        let line = |Analysed { names, output, folder }: &Analysed<Measured>| match output {
            Measured::Between(distances) => {
                json_line(&json!({ "labels": names, "folder": folder, "result": distances }))
            }
            Measured::Along(trajectory) => json_line(&json!({ "folder": folder, "result": trajectory })),
        };
        results.each.iter().map(line).collect()
    }

    fn asked(part: &DistancePairs) -> std::result::Result<Vec<Asked<DistanceSettings>>, String> {
        Ok(part.pairs.iter().map(|(one, two)| Asked::new(&[one, two], DistanceSettings::default())).collect())
    }
}

/// A Euclidean distance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Length {
    /// The norm of the difference, or a sum of such norms.
    pub l2: f64,
    /// The same as a fraction of that of the first network itself; absent if that is zero.
    pub relative: Option<f64>,
}

impl Length {
    fn new(l2: f64, first: f64) -> Self {
        Self { l2, relative: (first > 0.0).then(|| l2 / first) }
    }

    /// The sum of the norms of several parts.
    fn sum(parts: &[(&str, Change)]) -> Self {
        let sum = |norm: fn(&Change) -> f64| parts.iter().map(|(_, change)| norm(change)).sum();
        Self::new(sum(Change::l2), sum(Change::before))
    }
}

impl From<Change> for Length {
    fn from(change: Change) -> Self {
        Self::new(change.l2(), change.before())
    }
}

/// The distance of a tensor or of a module, all of whose parameters are taken as one vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// How far apart it is.
    #[serde(flatten)]
    pub distance: Length,
}

impl Part {
    fn list(parts: &[(&str, Change)]) -> Vec<Self> {
        let part =
            |(name, change): &(&str, Change)| Self { name: (*name).to_owned(), distance: (*change).into() };
        parts.iter().map(part).collect()
    }
}

/// Euclidean distances between two networks, over parameters and running statistics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distance {
    /// Each tensor.
    pub tensors: Vec<Part>,
    /// Each module, bottom to top.
    pub modules: Vec<Part>,
    /// Modules that are not compared, since their shapes differ: the heads of networks with other numbers of classes.
    pub left_out: Vec<String>,
    /// The sum over tensors, which is what Table 2 most likely shows.
    pub sum_of_tensors: Length,
    /// The sum over modules.
    pub sum_of_modules: Length,
    /// All parameters as one vector.
    pub global: Length,
}

/// Distances between two networks of architecture `arch`. A head that differs in shape, as for another number of classes, is
/// left out with the bias before it. Counters take no part.
///
/// # Errors
/// [`Error::Data`] naming the other tensors that only one has, or that differ in shape.
pub fn distance(arch: &Arch, one: &StateDict, two: &StateDict) -> Result<Distance> {
    let Diff { only_before, only_after, reshaped, tensors, .. } = diff(one, two);
    let reshaped = reshaped.into_iter().map(|tensor| tensor.name);
    let differing: Vec<String> = only_before.into_iter().chain(only_after).chain(reshaped).collect();
    let (head, body): (Vec<_>, Vec<_>) = differing.into_iter().partition(|name| arch.is_head(name));
    if !body.is_empty() {
        return Err(Error::data(format!(
            "the networks differ in the names or shapes of {}; choose two of one architecture",
            body.join(", ")
        )));
    }

    let changes: HashMap<&str, Change> = tensors.iter().map(|t| (t.name.as_str(), t.change)).collect();
    let (mut left_out, mut compared) = (Vec::new(), Vec::new());
    for module in arch.modules() {
        let is_head = module.parameters.iter().any(|index| arch.is_head(&arch.parameters[*index].name));
        if !head.is_empty() && is_head {
            left_out.push(module.name.to_owned());
            continue;
        }
        let specs = module.parameters.iter().map(|index| &arch.parameters[*index]);
        let places = specs.filter(|spec| spec.role != Role::Count);
        let parts = places.filter_map(|spec| Some((spec.name.as_str(), *changes.get(spec.name.as_str())?)));
        compared.push((module.name, parts.collect::<Vec<_>>()));
    }
    let tensors: Vec<(&str, Change)> = compared.iter().flat_map(|(_, parts)| parts).copied().collect();
    let whole = |parts: &[(&str, Change)]| parts.iter().map(|part| part.1).fold(Change::NONE, Change::and);
    let modules: Vec<(&str, Change)> = compared.iter().map(|(name, parts)| (*name, whole(parts))).collect();
    Ok(Distance {
        sum_of_tensors: Length::sum(&tensors),
        sum_of_modules: Length::sum(&modules),
        global: Length::from(whole(&tensors)),
        tensors: Part::list(&tensors),
        modules: Part::list(&modules),
        left_out,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::NamedTensor;
    use crate::model::initial_state;

    fn zeros_like(state: &StateDict) -> StateDict {
        let zeros =
            |tensor: &NamedTensor| NamedTensor { data: vec![0.0; tensor.data.len()], ..tensor.clone() };
        StateDict { tensors: state.tensors.iter().map(zeros).collect() }
    }

    /// The expectations of PAPER section 7 for 345 classes: norms at initialisation, and how far two initialisations are apart.
    /// The sum over tensors leaves out the sixteen scales, each of norm 1.
    #[test]
    fn networks_start_as_far_apart_as_the_formulas_say() -> Result<()> {
        let arch = Arch::new("fixup_resnet50", 345)?;
        let [one, two] = [1, 2].map(|seed| initial_state(&arch, seed));
        let parameters: usize = one.tensors.iter().map(|tensor| tensor.data.len()).sum();
        assert_eq!(parameters, 24_161_931);
        let check = |value: f64, expected: f64| {
            assert!((value / expected - 1.0).abs() < 2e-3, "{value} is not about {expected}");
        };
        let norm = distance(&arch, &zeros_like(&one), &one)?;
        check(norm.global.l2, 110.89);
        check(norm.sum_of_tensors.l2 - 16.0, 594.99);
        check(norm.sum_of_modules.l2, 423.33);
        let apart = distance(&arch, &one, &two)?;
        check(apart.global.l2, 156.8);
        check(apart.sum_of_tensors.l2, 841.4);
        check(apart.sum_of_modules.l2, 598.7);
        // One network is as long as the other.
        check(apart.global.relative.unwrap_or_default(), 2f64.sqrt());
        assert_eq!(norm.global.relative, None);
        Ok(())
    }

    #[test]
    fn heads_of_other_sizes_are_left_out_and_other_differences_refused() -> Result<()> {
        let [arch, other] = [5, 7].map(|classes| Arch::new("fixup_resnet18", classes));
        let (arch, other) = (arch?, other?);
        let [one, two] = [(&arch, 1), (&other, 2)].map(|(arch, seed)| initial_state(arch, seed));
        let Distance { modules, left_out, tensors, .. } = distance(&arch, &one, &two)?;
        assert_eq!(left_out, ["fc"]);
        assert_eq!((modules.len(), modules[8].name.as_str()), (9, "layer4.1"));
        assert!(tensors.iter().all(|part| part.name != "bias2" && !part.name.starts_with("fc")));

        let mut broken = one.clone();
        broken.tensors.retain(|tensor| tensor.name != "layer2.0.scale");
        let message = distance(&arch, &one, &broken).unwrap_err().to_string();
        assert!(message.contains("layer2.0.scale"), "{message}");
        Ok(())
    }
}
