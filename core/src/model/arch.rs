//! Architectures by their names: the stages of a network, without values.

use super::family::{Builder, Family, Grid, Stage, Tokens};
use super::layer::{LinearMap, Operator};
use super::{convnext, densenet, fixup, torchvision, vit};
use crate::checkpoint::{NamedTensor, StateDict};
use crate::error::{Error, Result};
use crate::setting::{nearest, regex};

pub use super::spec::{Role, Spec, Start};

/// All families. Another one is a file in this folder, and its line here.
pub(super) static FAMILIES: [Family; 5] =
    [fixup::FAMILY, torchvision::FAMILY, vit::FAMILY, convnext::FAMILY, densenet::FAMILY];

/// A network without values.
#[derive(Debug, Clone)]
pub struct Arch {
    /// Name, such as `fixup_resnet50`, or timm's with or without its tag, such as `vit_small_patch16_224.dino`.
    pub name: String,
    /// Outputs of the last stage; 0 where there is no head.
    pub classes: usize,
    /// All parameters and running statistics, in the order of PyTorch's state dict.
    pub parameters: Vec<Spec>,
    /// The stages, bottom to top. Each parameter belongs to one.
    pub stages: Vec<Stage>,
    /// The stages that stand for the network in tables with a column for each, bottom to top; see [`Self::stage`].
    pub outline: Vec<String>,
    /// Side of the square images that it reads, pixels; absent where it reads any.
    pub side: Option<usize>,
    /// Its learned positions, if it has them.
    pub(super) grid: Option<Grid>,
    /// Its tokens; absent where activations are maps of features.
    pub tokens: Option<Tokens>,
    /// Name of the linear layer whose outputs are the classes.
    head: String,
}

/// A stage with parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module<'a> {
    /// Its name, such as `layer1.0`.
    pub name: &'a str,
    /// Its position in [`Arch::stages`].
    pub stage: usize,
    /// Indices of its parameters and running statistics, ascending.
    pub parameters: &'a [usize],
}

impl Arch {
    /// The names of all architectures.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FAMILIES.iter().flat_map(|family| family.names.iter().copied())
    }

    /// Whether there is an architecture `name`. What follows a full stop, timm's tag of the weights, does not matter.
    pub fn is_known(name: &str) -> bool {
        find(name).is_some()
    }

    /// Its name without timm's tag of the weights.
    pub fn plain_name(&self) -> &str {
        plain(&self.name)
    }

    /// The architecture `name` for `classes` outputs and images of the size that it was designed for.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such architecture.
    pub fn new(name: &str, classes: usize) -> Result<Self> {
        Self::build(name, classes, None)
    }

    /// The architecture `name` for `classes` outputs and square images of `side` pixels.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such architecture, or if it cannot read such images.
    pub fn for_images(name: &str, classes: usize, side: usize) -> Result<Self> {
        Self::build(name, classes, Some(side))
    }

    fn build(name: &str, classes: usize, side: Option<usize>) -> Result<Self> {
        let Some((family, index)) = find(name) else {
            let near = nearest(name, Self::names());
            let near = if near.is_empty() { Self::names().take(3).collect() } else { near };
            return Err(Error::usage(format!(
                "unknown architecture {name}; set model.arch to one such as {} (`runner models` names all)",
                near.join(", ")
            )));
        };
        let mut builder = Builder::new(name, classes, side);
        (family.build)(index, &mut builder)?;
        let Builder { parameters, stages, outline, side, grid, tokens, head, .. } = builder;
        Ok(Self { name: name.to_owned(), classes, parameters, stages, outline, side, grid, tokens, head })
    }

    /// The architecture `name` with the head and the grid of patches of a checkpoint: as many classes as the head's bias has values,
    /// without a head where it has none, and images of the side that its learned positions are for. `length` tells the number of
    /// values for a tensor's name.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such architecture.
    pub fn with_head_of(name: &str, length: impl Fn(&str) -> Option<usize>) -> Result<Self> {
        // The number of classes changes no name.
        let own = Self::new(name, 1)?;
        let side = own.grid.and_then(|grid| {
            let positions = &own.parameters[grid.parameter];
            let patches = (length(&positions.name)? / positions.shape[2]).checked_sub(grid.prefix)?;
            Some(patches.isqrt() * grid.patch).filter(|side| *side > 0)
        });
        Self::build(name, length(&format!("{}.bias", own.head)).unwrap_or(0), side)
    }

    /// Leaves the parameters as they are in whose names one of some regular expressions is found.
    ///
    /// # Errors
    /// [`Error::Usage`] naming an expression that is none or is found in no name, or if nothing is left to train.
    pub fn freeze(&mut self, patterns: &[String]) -> Result<()> {
        for pattern in patterns {
            let wrong = |what: String| Error::usage(format!("train.freeze: {what}"));
            let found = regex(pattern).map_err(|error| wrong(error.to_string()))?;
            let specs = self.parameters.iter_mut();
            let frozen = specs.filter(|spec| {
                matches!(spec.role, Role::Trained | Role::Frozen) && found.is_match(&spec.name)
            });
            if frozen.map(|spec| spec.role = Role::Frozen).count() == 0 {
                return Err(wrong(format!("{pattern} is found in no parameter of {}", self.name)));
            }
        }
        match self.trained().next() {
            None => Err(Error::usage("train.freeze leaves nothing to train; freeze less")),
            Some(_) => Ok(()),
        }
    }

    /// The stages that have parameters, bottom to top: the modules of the paper's Figure 5.
    pub fn modules(&self) -> Vec<Module<'_>> {
        let modules = self.stages.iter().enumerate().map(|(stage, Stage { name, parameters, .. })| Module {
            name,
            stage,
            parameters,
        });
        modules.filter(|module| !module.parameters.is_empty()).collect()
    }

    /// The position of a stage by its name. A group of stages, such as `layer1` of `layer1.0` and `layer1.1`, is its last one.
    pub fn stage(&self, name: &str) -> Option<usize> {
        self.stages.iter().rposition(|stage| stage.name == name || group(&stage.name) == Some(name))
    }

    /// The error for a name that [`Self::stage`] does not know, with the nearest that it knows.
    pub fn unknown_stage(&self, name: &str) -> Error {
        let near = nearest(name, self.stage_names().into_iter());
        Error::usage(format!("{} has no module {name}; the nearest are {}", self.name, near.join(", ")))
    }

    /// The position of the stage whose output the head reads; of the last stage where there is no head.
    pub fn head_input(&self) -> usize {
        self.stages.len() - if self.classes > 0 { 2 } else { 1 }
    }

    /// All names that [`Self::stage`] knows, in alphabetical order.
    pub fn stage_names(&self) -> Vec<&str> {
        let names = self.stages.iter().map(|stage| stage.name.as_str());
        let mut names: Vec<&str> = names.clone().chain(names.filter_map(group)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The last stage with batch normalisation, and the side of what it normalises in square images of `side` pixels.
    pub fn last_normalised(&self, side: usize) -> Option<(&str, usize)> {
        let is_normalised = |stage: &Stage| {
            stage.parameters.iter().any(|index| self.parameters[*index].role == Role::Statistic)
        };
        let (mut side, mut last, mut list) = (side, None, Vec::new());
        for stage in &self.stages {
            side = stage.computes.operators(side, &mut list);
            if is_normalised(stage) {
                last = Some((stage.name.as_str(), side));
            }
        }
        last
    }

    /// All operators for square images of `side` pixels, bottom to top, with the names of their stages.
    pub fn operators(&self, side: usize) -> Vec<(&str, Operator)> {
        let (mut all, mut list) = (Vec::new(), Vec::new());
        self.stages.iter().fold(side, |side, stage| {
            let side = stage.computes.operators(side, &mut list);
            all.extend(list.drain(..).map(|operator| (stage.name.as_str(), operator)));
            side
        });
        all
    }

    /// All convolutions and linear layers for square images of `side` pixels, bottom to top.
    pub fn linear_maps(&self, side: usize) -> Vec<LinearMap> {
        let operators = self.operators(side).into_iter();
        let linear = operators.filter_map(|(_, operator)| match operator {
            Operator::Linear(map) => Some(map),
            _ => None,
        });
        linear.collect()
    }

    /// Layer-wise learning-rate decay (timm's `layer_decay`; Clark et al. 2020): a factor for each parameter of [`Self::trained`],
    /// `decay` to the power of the number of layers above it.
    pub fn layer_rates(&self, decay: f64) -> Vec<f64> {
        let last = self.stages.last().map_or(0, |stage| stage.layer);
        let mut factors = vec![1.0; self.parameters.len()];
        for stage in &self.stages {
            for index in &stage.parameters {
                factors[*index] = decay.powi((last - stage.layer) as i32);
            }
        }
        let pairs = self.parameters.iter().zip(factors);
        pairs.filter(|(spec, _)| spec.is_trained()).map(|(_, factor)| factor).collect()
    }

    /// What gradient descent changes, in order.
    pub fn trained(&self) -> impl Iterator<Item = &Spec> + Clone {
        self.parameters.iter().filter(|spec| spec.is_trained())
    }

    /// A checkpoint's tensors with the counters of batches, at zero, that checkpoints of PyTorch before 0.4.1 have not.
    pub fn with_counters(&self, mut state: StateDict) -> StateDict {
        let counters = self.parameters.iter().filter(|spec| spec.is_count());
        let missing: Vec<&Spec> = counters.filter(|spec| state.get(&spec.name).is_none()).collect();
        let zero = |spec: &Spec| NamedTensor {
            name: spec.name.clone(),
            shape: spec.shape.clone(),
            data: vec![0.0; spec.shape.iter().product()],
        };
        state.tensors.extend(missing.into_iter().map(zero));
        state
    }

    /// Name of the linear layer whose outputs are the classes, such as `fc`.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Whether a tensor belongs to the head, which has an output for each class and which fine-tuning draws anew.
    pub fn is_head(&self, name: &str) -> bool {
        name.strip_prefix(&self.head).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// The family and the index of a member.
fn find(name: &str) -> Option<(&'static Family, usize)> {
    let name = plain(name);
    FAMILIES.iter().find_map(|family| Some((family, family.names.iter().position(|known| *known == name)?)))
}

/// A name without timm's tag of the weights.
fn plain(name: &str) -> &str {
    name.split_once('.').map_or(name, |(name, _)| name)
}

/// The group of a stage, such as `layer1` of `layer1.0`.
fn group(stage: &str) -> Option<&str> {
    Some(stage.rsplit_once('.')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_belongs_to_one_stage_and_names_are_unique() {
        for name in Arch::names() {
            let arch = Arch::new(name, 10).unwrap();
            let mut owned: Vec<usize> = Vec::new();
            for stage in &arch.stages {
                assert!(stage.parameters.is_sorted(), "{name} {}", stage.name);
                assert_eq!(arch.stages.iter().filter(|other| other.name == stage.name).count(), 1, "{name}");
                owned.extend(&stage.parameters);
            }
            owned.sort_unstable();
            assert_eq!(owned, (0..arch.parameters.len()).collect::<Vec<_>>(), "{name}");
            assert!(arch.outline.iter().all(|stage| arch.stage(stage).is_some()), "{name}");
            let head: Vec<&[usize]> = arch
                .parameters
                .iter()
                .filter(|spec| arch.is_head(&spec.name))
                .map(|s| &s.shape[..1])
                .collect();
            assert_eq!(head, [[10], [10]], "{name}");
            let same = Arch::with_head_of(name, |bias| {
                let found = arch.parameters.iter().find(|spec| spec.name == bias);
                found.map(|spec| spec.shape[0])
            });
            assert_eq!(same.unwrap().classes, 10, "{name}");
        }
    }
}
