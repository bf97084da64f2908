//! Architectures by their names: the stages of a network, without values.

use super::family::{Builder, Family, Stage};
use super::layer::{LinearMap, Operator};
use super::{fixup, torchvision};
use crate::error::{Error, Result};

pub use super::spec::{Role, Spec, Start};

/// All families. Another one is a file in this folder, and its line here.
pub(super) const FAMILIES: [Family; 2] = [fixup::FAMILY, torchvision::FAMILY];

/// A network without values.
#[derive(Debug, Clone)]
pub struct Arch {
    /// Name, such as `fixup_resnet50`.
    pub name: String,
    /// Outputs of the last stage.
    pub classes: usize,
    /// All parameters and running statistics, in the order of PyTorch's state dict.
    pub parameters: Vec<Spec>,
    /// The stages, bottom to top. Each parameter belongs to one.
    pub stages: Vec<Stage>,
    /// The stages that stand for the network in tables with a column for each, bottom to top; see [`Self::stage`].
    pub outline: &'static [&'static str],
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

    /// The architecture `name` for `classes` outputs.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such architecture.
    pub fn new(name: &str, classes: usize) -> Result<Self> {
        let found = FAMILIES
            .iter()
            .find_map(|family| Some((family, family.names.iter().position(|known| *known == name)?)));
        let Some((family, index)) = found else {
            let known: Vec<_> = Self::names().collect();
            return Err(Error::usage(format!(
                "unknown architecture {name}; set model.arch to one of {}",
                known.join(", ")
            )));
        };
        let mut builder = Builder::new(classes);
        (family.build)(index, &mut builder);
        let Builder { parameters, stages, head, .. } = builder;
        Ok(Self { name: name.to_owned(), classes, parameters, stages, outline: family.outline, head })
    }

    /// The architecture `name` with the head of a checkpoint: as many classes as the head's bias has values, of which `length`
    /// tells the number for a tensor's name; one class if the checkpoint has no such tensor.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such architecture.
    pub fn with_head_of(name: &str, length: impl Fn(&str) -> Option<usize>) -> Result<Self> {
        // The number of classes changes no name.
        let bias = format!("{}.bias", Self::new(name, 1)?.head);
        Self::new(name, length(&bias).unwrap_or(1))
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
            side = stage.layer.operators(side, &mut list);
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
            let side = stage.layer.operators(side, &mut list);
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
            Operator::MaxPool { .. } => None,
        });
        linear.collect()
    }

    /// What gradient descent changes, in order.
    pub fn trained(&self) -> impl Iterator<Item = &Spec> + Clone {
        self.parameters.iter().filter(|spec| spec.is_trained())
    }

    /// Whether a tensor belongs to the head, which has an output for each class and which fine-tuning draws anew.
    pub fn is_head(&self, name: &str) -> bool {
        name.strip_prefix(&self.head).is_some_and(|rest| rest.starts_with('.'))
    }
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
