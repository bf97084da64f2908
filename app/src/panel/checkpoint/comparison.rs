//! What differs between two checkpoints, by module and by tensor.

use std::path::Path;

use basin_core::checkpoint::{Change, Checkpoint, Diff, StateDict, diff};
use basin_core::error::Result;
use basin_core::figure::{BarSeries, Bars, Table};
use basin_core::model::Arch;

use super::shape;
use crate::panel::runs::count;
use crate::widget::chart::number;

/// Two checkpoints beside each other.
pub struct Comparison {
    /// All tensors as one vector, and which take no part.
    pub sentence: String,
    /// The relative change of each module.
    pub bars: Bars,
    /// The numbers of each module.
    pub modules: Table,
    /// The numbers of each tensor, also of those that cannot be compared.
    pub tensors: Table,
}

impl Comparison {
    /// Reads and compares two files; `arch` names the modules.
    pub fn read(one: &Path, two: &Path, arch: Option<&Arch>) -> Result<Self> {
        let [one, two] = [Checkpoint::load(one)?.state, Checkpoint::load(two)?.state];
        Ok(Self::new(&one, &two, arch))
    }

    fn new(one: &StateDict, two: &StateDict, arch: Option<&Arch>) -> Self {
        let diff = diff(one, two);
        let modules = modules(&diff, one, arch);
        let bars = Bars {
            x: "module".to_owned(),
            y: "relative change".to_owned(),
            categories: modules.iter().map(|(name, _)| name.clone()).collect(),
            series: vec![BarSeries {
                label: "relative change".to_owned(),
                values: modules.iter().map(|(_, change)| change.relative().unwrap_or(f64::NAN)).collect(),
                errors: Vec::new(),
            }],
        };
        let rows = modules.iter().map(|(name, change)| [vec![name.clone()], cells(change)].concat());
        let modules = Table { columns: columns(&["module"]), rows: rows.collect() };
        Self { sentence: sentence(&diff), bars, modules, tensors: tensors(&diff, one, two) }
    }
}

/// Tensors of each module as one vector, bottom to top; counters take no part, as in distances.
fn modules(diff: &Diff, one: &StateDict, arch: Option<&Arch>) -> Vec<(String, Change)> {
    let known = arch.map(Arch::modules).unwrap_or_default();
    let module_of = |tensor: &str| -> String {
        let holds = |index: &usize| arch.is_some_and(|arch| arch.parameters[*index].name == tensor);
        let module = known.iter().find(|module| module.parameters.iter().any(holds));
        let parent = || tensor.rsplit_once('.').map_or(tensor, |(parent, _)| parent);
        module.map_or_else(parent, |module| module.name).to_owned()
    };
    let mut modules: Vec<(String, Change)> = Vec::new();
    for tensor in &diff.tensors {
        if one.get(&tensor.name).is_some_and(|tensor| tensor.is_count()) {
            continue;
        }
        let name = module_of(&tensor.name);
        match modules.iter_mut().find(|(known, _)| *known == name) {
            Some((_, change)) => *change = change.and(tensor.change),
            None => modules.push((name, tensor.change)),
        }
    }
    modules.sort_by_key(|(name, _)| known.iter().position(|module| module.name == name));
    modules
}

fn tensors(diff: &Diff, one: &StateDict, two: &StateDict) -> Table {
    let compared =
        diff.tensors.iter().map(|t| [vec![t.name.clone(), shape(&t.shape)], cells(&t.change)].concat());
    let alone = |name: &String, state: &StateDict, remark: &str| {
        let lengths = state.get(name).map(|tensor| shape(&tensor.shape)).unwrap_or_default();
        without_numbers(name, lengths, remark)
    };
    let reshaped = diff.reshaped.iter().map(|tensor| {
        let shapes = format!("{} and {}", shape(&tensor.before), shape(&tensor.after));
        without_numbers(&tensor.name, shapes, "other shape")
    });
    let before = diff.only_before.iter().map(|name| alone(name, one, "only in the first"));
    let after = diff.only_after.iter().map(|name| alone(name, two, "only in the second"));
    Table {
        columns: columns(&["tensor", "shape"]),
        rows: compared.chain(reshaped).chain(before).chain(after).collect(),
    }
}

fn columns(first: &[&str]) -> Vec<String> {
    let numbers = ["norm of difference", "relative change", "cosine", "remark"];
    first.iter().chain(&numbers).map(|title| (*title).to_owned()).collect()
}

fn cells(change: &Change) -> Vec<String> {
    let or_none = |value: Option<f64>| value.map_or("-".to_owned(), number);
    let remark = match change {
        change if change.identical => "identical",
        change if !change.l2().is_finite() => "not finite",
        _ => "",
    };
    let cosine = change.cosine().map_or("-".to_owned(), |cosine| format!("{cosine:.6}"));
    vec![number(change.l2()), or_none(change.relative()), cosine, remark.to_owned()]
}

fn without_numbers(name: &str, shape: String, remark: &str) -> Vec<String> {
    let none = || "-".to_owned();
    vec![name.to_owned(), shape, none(), none(), none(), remark.to_owned()]
}

fn sentence(diff: &Diff) -> String {
    let compared = count(diff.tensors.len(), "tensor");
    let same = match cells(&diff.total).as_slice() {
        _ if diff.tensors.is_empty() => {
            "The checkpoints share no tensor of the same name and shape.".to_owned()
        }
        _ if diff.total.identical => format!("{compared} in common, identical bit by bit."),
        [norm, relative, cosine, ..] => format!(
            "{compared} in common: norm of the difference {norm}, relative change {relative}, cosine {cosine}."
        ),
        _ => String::new(),
    };
    let others = [
        (diff.only_before.len(), "only in the first"),
        (diff.only_after.len(), "only in the second"),
        (diff.reshaped.len(), "of another shape"),
    ];
    let others: Vec<String> = others
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(*number, "tensor")))
        .collect();
    if others.is_empty() { same } else { format!("{same} Not compared: {}.", others.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use basin_core::analysis::distance::distance;
    use basin_core::checkpoint::NamedTensor;
    use basin_core::model::initial_state;

    #[test]
    fn modules_are_as_far_apart_as_the_distance_analysis_says() {
        let arch = Arch::new("torchvision/resnet18", 3).unwrap();
        let [one, two] = [1, 2].map(|seed| initial_state(&arch, seed));
        let comparison = Comparison::new(&one, &two, Some(&arch));
        let expected = distance(&arch, &one, &two).unwrap().modules;
        assert_eq!(comparison.modules.rows.len(), expected.len());
        for (row, part) in comparison.modules.rows.iter().zip(&expected) {
            assert_eq!((&row[0], &row[1]), (&part.name, &number(part.distance.l2)));
        }
        assert_eq!(comparison.bars.series[0].values[0], expected[0].distance.relative.unwrap());
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        let tensor = |name: &str, shape: &[usize]| {
            let data = vec![1.0; shape.iter().product()];
            NamedTensor { name: name.to_owned(), shape: shape.to_vec(), data }
        };
        let one = StateDict {
            tensors: vec![tensor("a.weight", &[2]), tensor("b.c.weight", &[2, 2]), tensor("x", &[1])],
        };
        let mut two = StateDict {
            tensors: vec![tensor("a.weight", &[2]), tensor("b.c.weight", &[3]), tensor("y", &[1])],
        };
        two.tensors[0].data = vec![1.0, 3.0];
        let Comparison { sentence, modules, tensors, .. } = Comparison::new(&one, &two, None);
        assert!(sentence.starts_with("1 tensor in common: norm of the difference 2,"), "{sentence}");
        let others = "1 tensor only in the first, 1 tensor only in the second, 1 tensor of another shape.";
        assert!(sentence.ends_with(others), "{sentence}");
        assert_eq!(modules.rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(tensors.rows[1][1], "[2, 2] and [3]");
        assert_eq!(tensors.rows.len(), 4);
    }
}
