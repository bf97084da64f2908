//! Distances between all pairs of some checkpoints, such as replicates.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Distance, distance};
use crate::analysis::record::{Stored, claim, misfit_of_pairs, shortened};
use crate::analysis::request::Surroundings;
use crate::analysis::source::Source;
use crate::analysis::weights::Weights;
use crate::checkpoint::Location;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::digest;
use crate::job::Job;

/// Distances between all pairs of networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distances {
    /// Version of this form.
    pub schema: u32,
    /// Architecture of all.
    pub arch: String,
    /// The checkpoints, in the order in which they were named.
    pub networks: Vec<Source>,
    /// Every pair once.
    pub pairs: Vec<PairDistance>,
}

/// Two networks and how far apart they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairDistance {
    /// Place of the first in the list of networks.
    pub one: usize,
    /// Place of the second.
    pub two: usize,
    /// Between both; relative to the first.
    pub distance: Distance,
}

impl Stored for Distances {
    fn name(&self) -> String {
        let networks: String = self.networks.iter().map(|network| network.sha256.clone() + "\n").collect();
        let digest = digest(format!("{networks}{}", self.arch));
        let stems: String = self.networks.iter().take(2).map(|network| network.stem() + "-").collect();
        let more = match self.networks.len() {
            0..=2 => String::new(),
            count => format!("{}-more-", count - 2),
        };
        format!("{}{more}{}", shortened(stems), &digest[..8])
    }

    fn misfit(&self) -> Option<String> {
        misfit_of_pairs(self.pairs.iter().map(|pair| [pair.one, pair.two]), self.networks.len())
    }
}

/// Measures the distances between all pairs of checkpoints, two of which are in memory at a time. `arch` is the architecture
/// of those that do not say theirs.
///
/// # Errors
/// Those of [`Weights::load`]; [`Error::Data`] naming two checkpoints that differ in more than their heads.
pub(super) fn distances(
    locations: &[Location],
    arch: Option<&str>,
    surroundings: &Surroundings,
    job: &Job,
) -> Result<(Distances, PathBuf)> {
    let networks = locations.iter().map(|location| {
        Weights::load(location, arch, job)
            .map(|weights| (weights.source, weights.arch.plain_name().to_owned()))
    });
    let (networks, archs): (Vec<Source>, Vec<String>) =
        networks.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let (Some(first), Some(name)) = (networks.first(), archs.first()) else {
        return Err(Error::usage("no checkpoint is named; name at least two"));
    };
    if let Some((other, network)) = archs.iter().zip(&networks).find(|(other, _)| *other != name) {
        return Err(Error::data(format!(
            "{} is a {name} and {} a {other}; choose checkpoints of one architecture",
            first.location, network.location
        )));
    }
    let mut result = Distances { schema: 1, arch: name.clone(), networks, pairs: Vec::new() };
    let Surroundings { base, output, .. } = surroundings;
    let folder = result.networks[0].result_folder("distance", &result.name(), base, output.as_deref());
    if let Some(known) = result.known(&folder)? {
        return Ok((known, folder));
    }
    let _lock = claim(&folder)?;

    let total = (locations.len() * locations.len().saturating_sub(1) / 2) as u64;
    for (one, first) in locations.iter().enumerate().take(locations.len() - 1) {
        let first = Weights::load(first, arch, job)?;
        for (two, second) in locations.iter().enumerate().skip(one + 1) {
            job.check()?;
            let second = Weights::load(second, arch, job)?.fitted(&first.arch, job);
            let distance = distance(&first.arch, &first.state, &second.state).map_err(|error| {
                Error::data(format!("{} and {}: {error}", first.source.location, second.source.location))
            })?;
            result.pairs.push(PairDistance { one, two, distance });
            let (what, done) = ("comparing".to_owned(), result.pairs.len() as u64);
            job.emit(Event::Progress { what, done, total, unit: "pairs" });
        }
    }
    result.save(&folder)?;
    Ok((result, folder))
}
