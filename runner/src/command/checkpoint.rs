//! Commands that look at checkpoints as files.

use std::path::{Path, PathBuf};

use anyhow::Result;
use basin_core::checkpoint::{self, Change, Checkpoint, Reader, Statistics, TensorInfo};
use basin_core::error::Error;
use basin_core::number;
use basin_core::remote::{self, is_url, named};
use serde_json::{Value, json};

use super::{print, working};
use crate::args::{CheckpointCommand, Device};

/// Runs the command that was typed.
pub fn run(command: &CheckpointCommand) -> Result<()> {
    match command {
        CheckpointCommand::Inspect { file, names: true, json } => {
            let copy = local(file)?;
            let reader = Reader::open(&copy).map_err(|error| named(error, &copy, file))?;
            inspect(file, &reader, None, *json)
        }
        CheckpointCommand::Inspect { file, names: false, json } => {
            let copy = local(file)?;
            let inspection = checkpoint::inspect(&copy).map_err(|error| named(error, &copy, file))?;
            inspect(file, &inspection.reader, Some((&inspection.tensors, &inspection.total)), *json)
        }
        CheckpointCommand::Diff { one, two, json } => diff(one, two, *json),
        CheckpointCommand::Convert { from, to, force, json } => convert(from, to, *force, *json),
    }
}

fn inspect(
    file: &Path,
    reader: &Reader,
    numbers: Option<(&[Statistics], &Statistics)>,
    json: bool,
) -> Result<()> {
    let values: usize = reader.tensors.iter().map(TensorInfo::len).sum();
    if json {
        let tensors = reader.tensors.iter().enumerate().map(|(index, tensor)| {
            let numbers = numbers.map(|(tensors, _)| &tensors[index]);
            json!({
                "name": tensor.name, "dtype": tensor.dtype, "shape": tensor.shape, "values": tensor.len(),
                "statistics": numbers,
            })
        });
        let result = json!({
            "file": file, "format": reader.format, "metadata": reader.metadata, "values": values,
            "tensors": tensors.collect::<Vec<_>>(), "statistics": numbers.map(|(_, total)| total),
        });
        return print(&format!("{result}\n"));
    }
    let mut text = format!("{}: {}\n", file.display(), reader.format);
    for (name, value) in &reader.metadata {
        text += &format!("{name}: {value}\n");
    }
    let mut rows = vec![row("tensor", "dtype", "shape", "values")];
    rows.extend(
        reader.tensors.iter().map(|t| row(&t.name, &t.dtype, &shape(&t.shape), &t.len().to_string())),
    );
    rows.push(row(&format!("{} tensors", reader.tensors.len()), "", "", &values.to_string()));
    if let Some((tensors, total)) = numbers {
        rows[0].extend(["norm", "mean", "deviation", "min", "max", "non-finite"].map(str::to_owned));
        for (row, s) in rows[1..].iter_mut().zip(tensors.iter().chain([total])) {
            row.extend([s.norm, s.mean, s.deviation, s.min, s.max].map(number::column));
            row.push(s.non_finite.to_string());
        }
    }
    print(&(text + &table(&rows, 3)))
}

fn row(name: &str, dtype: &str, shape: &str, values: &str) -> Vec<String> {
    [name, dtype, shape, values].map(str::to_owned).to_vec()
}

fn diff(one: &Path, two: &Path, json: bool) -> Result<()> {
    let (before, after) = (load(one)?.state, load(two)?.state);
    let diff = checkpoint::diff(&before, &after);
    if json {
        let change = |change: &Change| {
            json!({
                "identical": change.identical, "l2": change.l2(), "relative": change.relative(), "cosine": change.cosine(),
            })
        };
        let with = |mut value: Value, name: &str, shape: &[usize]| {
            value["name"] = json!(name);
            value["shape"] = json!(shape);
            value
        };
        let tensors = diff.tensors.iter().map(|t| with(change(&t.change), &t.name, &t.shape));
        let reshaped =
            diff.reshaped.iter().map(|t| json!({ "name": t.name, "one": t.before, "two": t.after }));
        let result = json!({
            "one": one, "two": two, "identical": diff.is_identical(), "only_one": diff.only_before,
            "only_two": diff.only_after, "reshaped": reshaped.collect::<Vec<_>>(),
            "tensors": tensors.collect::<Vec<_>>(), "total": change(&diff.total),
        });
        return print(&format!("{result}\n"));
    }
    if diff.is_identical() {
        return print(&format!("identical: {} tensors, bit by bit\n", diff.tensors.len()));
    }
    let mut text = String::new();
    for (names, file) in [(&diff.only_before, one), (&diff.only_after, two)] {
        for name in names {
            text += &format!("only in {}: {name}\n", file.display());
        }
    }
    for tensor in &diff.reshaped {
        text += &format!("{}: {} and {}\n", tensor.name, shape(&tensor.before), shape(&tensor.after));
    }
    let mut rows = vec![["tensor", "shape", "l2", "relative", "cosine"].map(str::to_owned).to_vec()];
    rows.extend(diff.tensors.iter().map(|t| change(&t.name, &shape(&t.shape), &t.change)));
    rows.push(change(&format!("{} tensors", diff.tensors.len()), "", &diff.total));
    print(&(text + &table(&rows, 2)))
}

fn change(name: &str, shape: &str, change: &Change) -> Vec<String> {
    let mut row = vec![name.to_owned(), shape.to_owned()];
    if change.identical {
        row.push("identical".to_owned());
    } else {
        row.push(number::column(change.l2()));
        row.push(number::or_absent(change.relative(), number::column));
        row.push(number::or_absent(change.cosine(), |cosine| number::fixed(cosine, 6)));
    }
    row
}

fn convert(from: &Path, to: &Path, force: bool, json: bool) -> Result<()> {
    if !force && to.exists() {
        return Err(Error::usage(format!(
            "{} is there already; choose another name, or add --force to overwrite it",
            to.display()
        ))
        .into());
    }
    if is_url(to) {
        return Err(Error::usage(format!("{} is no file; name one to convert to", to.display())).into());
    }
    let checkpoint = load(from)?;
    checkpoint.save(to)?;
    let tensors = checkpoint.state.tensors.len();
    if json {
        return print(&format!("{}\n", json!({ "from": from, "to": to, "tensors": tensors })));
    }
    print(&format!("{tensors} tensors written to {}\n", to.display()))
}

/// The file of a checkpoint by path or URL.
fn local(path: &Path) -> Result<PathBuf> {
    working(&Device::cpu(), |job| remote::local(path, job))
}

fn load(path: &Path) -> Result<Checkpoint> {
    Ok(working(&Device::cpu(), |job| remote::load(path, job))?.0)
}

/// A shape as PyTorch prints it.
fn shape(lengths: &[usize]) -> String {
    format!("{lengths:?}")
}

/// Columns side by side: the first ones left-aligned, numbers right-aligned.
fn table(rows: &[Vec<String>], left: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column < left { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
