//! The paths of all modules, from their start to their end.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{Grid, Request};
use crate::analysis::subject::{Source, Subject};
use crate::analysis::sweep::{check_finite, chosen_modules};
use crate::checkpoint::{Change, NamedTensor, Reader, StateDict};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::model::arch::{Module, Role};
use crate::model::{Arch, Network, layout};
use crate::run::epochs_beside;

/// Which way modules go from their start to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathKind {
    /// The straight line `(1 - alpha) theta_0 + alpha theta_F`; a position is alpha.
    Direct,
    /// The values that training went through, at the checkpoints of the run; a position is an epoch.
    Optimisation,
}

impl PathKind {
    /// As it is typed and read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Optimisation => "optimisation",
        }
    }
}

impl FromStr for PathKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = [Self::Direct, Self::Optimisation].into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| Error::usage(format!("{name} is no path; choose direct or optimisation")))
    }
}

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
    pub fn open(request: &Request, grid: Grid, dataset: &Dataset, job: &Job) -> Result<Self> {
        let load = |path: &Path| {
            let subject = Subject::load(path, request.experiment, dataset, &job.device)?;
            check_finite(&subject)?;
            Ok::<_, Error>(subject)
        };
        let (start, end) = (load(&request.start.find(request.end)?)?, load(request.end)?);
        if start.source.sha256 == end.source.sha256 {
            return Err(Error::usage(format!(
                "{} is both the start and the end of the path; choose a later checkpoint",
                end.source.path
            )));
        }
        let modules = chosen_modules(&end.network.arch, request.modules)?;
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
            kind: request.path,
        };
        match request.path {
            PathKind::Direct => {
                plan.positions = plan.grid.alphas.clone();
                let line = |norm: &f64| plan.positions.iter().map(|alpha| alpha * norm).collect();
                plan.distances = plan.norms.iter().map(line).collect();
            }
            PathKind::Optimisation => {
                let (epochs, files) = between(&plan.sources[0], &end.source)?;
                plan.distances = vec![vec![0.0]; plan.norms.len()];
                for file in files {
                    job.check()?;
                    let Subject { source, network } = load(&file)?;
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
        let path = Path::new(&self.sources[position].path);
        let mut values = read_module(path, &self.end.arch, module, &self.end.parameters[0].device())?;
        for (index, values) in module.parameters.iter().zip(&mut values) {
            if is_count(index) {
                *values = own(index).1.clone();
            }
        }
        Ok(values)
    }
}

/// The epochs of all places of an optimisation path, and the checkpoints of those between its ends.
fn between(start: &Source, end: &Source) -> Result<(Vec<f64>, Vec<PathBuf>)> {
    let epoch = |source: &Source| source.metadata.get("epoch")?.parse::<usize>().ok();
    let Some(last) = epoch(end) else {
        return Err(Error::data(format!(
            "{} does not say of which epoch it is, so its optimisation path is unknown; choose the direct path",
            end.path
        )));
    };
    let first = epoch(start).filter(|first| *first < last).unwrap_or(0);
    let mut found = epochs_beside(Path::new(&end.path))?;
    found.retain(|epoch, _| (first + 1..last).contains(epoch));
    if found.is_empty() {
        return Err(Error::data(format!(
            "no checkpoint lies between {} and {}, and an optimisation path is made of them; train with \
             train.keep_every=1, or choose the direct path",
            start.path, end.path
        )));
    }
    let epochs = std::iter::once(first).chain(found.keys().copied()).chain([last]);
    Ok((epochs.map(|epoch| epoch as f64).collect(), found.into_values().collect()))
}

/// The norm of what the parameters of each module differ by; running statistics and counters are none.
fn module_distances(arch: &Arch, one: &StateDict, two: &StateDict) -> Vec<f64> {
    let squares = |index: &usize| match arch.parameters[*index].role {
        Role::Trained => Change::between(&one.tensors[*index].data, &two.tensors[*index].data).l2().powi(2),
        Role::Statistic | Role::Count => 0.0,
    };
    arch.modules().iter().map(|module| module.parameters.iter().map(squares).sum::<f64>().sqrt()).collect()
}

/// The tensors of one module, without reading the others of the file.
fn read_module(path: &Path, arch: &Arch, module: &Module, device: &Device) -> Result<Vec<Tensor<1>>> {
    let reader = Reader::open(path)?;
    let specs = module.parameters.iter().map(|index| &arch.parameters[*index]);
    let mut state = StateDict::default();
    for (index, info) in reader.tensors.iter().enumerate() {
        if specs.clone().any(|spec| spec.name == info.name) {
            let (name, shape) = (info.name.clone(), info.shape.clone());
            state.tensors.push(NamedTensor { name, shape, data: reader.values(index)? });
        }
    }
    layout::values(specs, &state, device)
        .map_err(|problems| Error::data(format!("{} has changed meanwhile: {problems}", path.display())))
}
