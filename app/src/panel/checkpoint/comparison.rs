//! The difference of two checkpoints, by module and by tensor.

use std::path::Path;

use basin_core::checkpoint::{Change, Diff, Reader, TensorInfo, diff_files, is_count};
use basin_core::error::Result;
use basin_core::figure::{BarSeries, Bars, Table};
use basin_core::model::Arch;
use basin_core::number::{self, ABSENT};

use super::shape;
use crate::widget::count;

/// The difference of two checkpoints.
pub struct Comparison {
    /// A summary: the difference over all tensors, and what was not compared.
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
        let [one, two] = [Reader::open(one)?, Reader::open(two)?];
        let diff = diff_files(&one, &two)?;
        let modules = modules(&diff, arch);
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
        let tensors = tensors(&diff, &one.tensors, &two.tensors);
        Ok(Self { sentence: sentence(&diff), bars, modules, tensors })
    }
}

/// The difference of each module with its tensors as one vector, bottom to top. Counters are left out, as in distances.
fn modules(diff: &Diff, arch: Option<&Arch>) -> Vec<(String, Change)> {
    let known = arch.map(Arch::modules).unwrap_or_default();
    let module_of = |tensor: &str| -> String {
        let holds = |index: &usize| arch.is_some_and(|arch| arch.parameters[*index].name == tensor);
        let module = known.iter().find(|module| module.parameters.iter().any(holds));
        let parent = || tensor.rsplit_once('.').map_or(tensor, |(parent, _)| parent);
        module.map_or_else(parent, |module| module.name).to_owned()
    };
    let mut modules: Vec<(String, Change)> = Vec::new();
    for tensor in diff.tensors.iter().filter(|tensor| !is_count(&tensor.name)) {
        let name = module_of(&tensor.name);
        match modules.iter_mut().find(|(known, _)| *known == name) {
            Some((_, change)) => *change = change.and(tensor.change),
            None => modules.push((name, tensor.change)),
        }
    }
    modules.sort_by_key(|(name, _)| known.iter().position(|module| module.name == name));
    modules
}

fn tensors(diff: &Diff, one: &[TensorInfo], two: &[TensorInfo]) -> Table {
    let compared =
        diff.tensors.iter().map(|t| [vec![t.name.clone(), shape(&t.shape)], cells(&t.change)].concat());
    let alone = |name: &String, all: &[TensorInfo], remark: &str| {
        let tensor = all.iter().find(|tensor| tensor.name == *name);
        let lengths = tensor.map(|tensor| shape(&tensor.shape)).unwrap_or_default();
        without_numbers(name, lengths, remark)
    };
    let reshaped = diff.reshaped.iter().map(|tensor| {
        let shapes = format!("{} and {}", shape(&tensor.before), shape(&tensor.after));
        without_numbers(&tensor.name, shapes, "other shape")
    });
    let before = diff.only_before.iter().map(|name| alone(name, one, "only in the first"));
    let after = diff.only_after.iter().map(|name| alone(name, two, "only in the second"));
    let unread = diff.unread.iter().map(|name| alone(name, one, "type is not read"));
    Table {
        columns: columns(&["tensor", "shape"]),
        rows: compared.chain(reshaped).chain(unread).chain(before).chain(after).collect(),
    }
}

fn columns(first: &[&str]) -> Vec<String> {
    let numbers = ["norm of difference", "relative change", "cosine", "remark"];
    first.iter().chain(&numbers).map(|title| (*title).to_owned()).collect()
}

fn cells(change: &Change) -> Vec<String> {
    let remark = match change {
        change if change.identical => "identical",
        change if !change.l2().is_finite() => "not finite",
        _ => "",
    };
    let relative = number::or_absent(change.relative(), number::general);
    let cosine = number::or_absent(change.cosine(), |cosine| number::fixed(cosine, 6));
    vec![number::general(change.l2()), relative, cosine, remark.to_owned()]
}

fn without_numbers(name: &str, shape: String, remark: &str) -> Vec<String> {
    let none = || ABSENT.to_owned();
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
        (diff.unread.len(), "of a type that is not read"),
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
    use basin_core::checkpoint::{Checkpoint, NamedTensor, StateDict};
    use basin_core::model::initial_state;

    fn compared(one: &StateDict, two: &StateDict, arch: Option<&Arch>) -> Comparison {
        let folder = tempfile::tempdir().unwrap();
        let files = [("one", one), ("two", two)].map(|(name, state)| {
            let path = folder.path().join(format!("{name}.safetensors"));
            Checkpoint { state: state.clone(), ..Checkpoint::default() }.save(&path).unwrap();
            path
        });
        Comparison::read(&files[0], &files[1], arch).unwrap()
    }

    #[test]
    fn modules_are_as_far_apart_as_the_distance_analysis_says() {
        let arch = Arch::new("torchvision/resnet18", 3).unwrap();
        let [one, two] = [1, 2].map(|seed| initial_state(&arch, seed));
        let comparison = compared(&one, &two, Some(&arch));
        let expected = distance(&arch, &one, &two).unwrap().modules;
        assert_eq!(comparison.modules.rows.len(), expected.len());
        for (row, part) in comparison.modules.rows.iter().zip(&expected) {
            assert_eq!((&row[0], &row[1]), (&part.name, &number::general(part.distance.l2)));
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
        let Comparison { sentence, modules, tensors, .. } = compared(&one, &two, None);
        assert!(sentence.starts_with("1 tensor in common: norm of the difference 2,"), "{sentence}");
        let others = "1 tensor only in the first, 1 tensor only in the second, 1 tensor of another shape.";
        assert!(sentence.ends_with(others), "{sentence}");
        assert_eq!(modules.rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(tensors.rows[1][1], "[2, 2] and [3]");
        assert_eq!(tensors.rows.len(), 4);
    }
}
