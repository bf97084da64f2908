//! What is measured: the modules, and their places on the path.

use burn::tensor::Tensor;

use super::path::{PathKind, between, read_module};
use super::{CriticalitySettings, Grid};
use crate::analysis::source::Source;
use crate::analysis::subject::Subject;
use crate::analysis::sweep::chosen_modules;
use crate::checkpoint::{Change, Location, StateDict};
use crate::config::Experiment;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::model::arch::{Module, Role};
use crate::model::{Arch, Network};

/// What is measured: the modules, and their places.
pub struct Plan {
    pub end: Network,
    pub grid: Grid,
    /// Positions in [`Arch::modules`] of the modules that are measured.
    pub modules: Vec<usize>,
    /// Places on the path: coefficients, or epochs.
    pub positions: Vec<f64>,
    /// Of each module of the architecture, how far each place is from the start: the norm of the difference of its parameters.
    pub distances: Vec<Vec<f64>>,
    /// Of each module, how far the end is.
    pub norms: Vec<f64>,
    /// The checkpoints on the path, from the start to the end.
    pub sources: Vec<Source>,
    start: Network,
    kind: PathKind,
}

impl Plan {
    /// Loads the checkpoints of the path, one after the other, and keeps the first and the last.
    pub fn open(
        end: &Location,
        path: PathKind,
        settings: &CriticalitySettings,
        grid: Grid,
        experiment: &Experiment,
        dataset: &Dataset,
        job: &Job,
    ) -> Result<Self> {
        let load = |location: &Location| Subject::load(location, experiment, dataset, job);
        let (start, end) = (load(&settings.start.find(end)?)?, load(end)?);
        if start.source.sha256 == end.source.sha256 {
            return Err(Error::usage(format!(
                "{} is both the start and the end of the path; choose a later checkpoint",
                end.source.location
            )));
        }
        let modules = chosen_modules(&end.network.arch, &settings.modules.0)?;
        let first = start.network.state();
        let away = |network: &Network| module_distances(&network.arch, &first, &network.state());
        let norms = away(&end.network);
        let mut plan = Self {
            grid,
            modules,
            positions: Vec::new(),
            distances: Vec::new(),
            norms,
            sources: vec![start.source],
            start: start.network,
            end: end.network,
            kind: path,
        };
        match path {
            PathKind::Direct => {
                plan.positions = plan.grid.alphas.clone();
                let line = |norm: &f64| plan.positions.iter().map(|alpha| alpha * norm).collect();
                plan.distances = plan.norms.iter().map(line).collect();
            }
            PathKind::Optimisation => {
                let (epochs, places) = between(&plan.sources[0], &end.source)?;
                plan.distances = vec![vec![0.0]; plan.norms.len()];
                for place in places {
                    job.check()?;
                    let Subject { source, network } = load(&place)?;
                    plan.distances.iter_mut().zip(away(&network)).for_each(|(all, one)| all.push(one));
                    plan.sources.push(source);
                }
                plan.distances.iter_mut().zip(&plan.norms).for_each(|(all, norm)| all.push(*norm));
                plan.positions = epochs;
            }
        }
        plan.sources.push(end.source);
        Ok(plan)
    }

    /// The checkpoints at the start and at the end.
    pub fn ends(&self) -> [&Source; 2] {
        [&self.sources[0], &self.sources[self.sources.len() - 1]]
    }

    /// The values of a module at a place of the path, one tensor for each of its parameters; counters are those of the end.
    pub fn values(&self, module: &Module, position: usize) -> Result<Vec<Tensor<1>>> {
        let own = |index: &usize| (&self.start.parameters[*index], &self.end.parameters[*index]);
        let is_count = |index: &usize| self.end.arch.parameters[*index].role == Role::Count;
        if self.kind == PathKind::Direct {
            let alpha = self.positions[position];
            let blend = |index| match own(index) {
                (_, end) if is_count(index) => end.clone(),
                (start, end) => start.clone() * (1.0 - alpha) + end.clone() * alpha,
            };
            return Ok(module.parameters.iter().map(blend).collect());
        }
        let location = &self.sources[position].location;
        let mut values = read_module(location, &self.end.arch, module, &self.end.parameters[0].device())?;
        for (index, values) in module.parameters.iter().zip(&mut values) {
            if is_count(index) {
                *values = own(index).1.clone();
            }
        }
        Ok(values)
    }
}

/// The norm of what the parameters of each module differ by; running statistics and counters are none.
fn module_distances(arch: &Arch, one: &StateDict, two: &StateDict) -> Vec<f64> {
    let squares = |index: &usize| match arch.parameters[*index].role {
        Role::Trained | Role::Frozen => {
            Change::between(&one.tensors[*index].data, &two.tensors[*index].data).l2().powi(2)
        }
        Role::Statistic | Role::Count => 0.0,
    };
    arch.modules().iter().map(|module| module.parameters.iter().map(squares).sum::<f64>().sqrt()).collect()
}
