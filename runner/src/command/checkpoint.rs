//! Commands that look at checkpoints as files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use basin_core::checkpoint::{
    self, Change, Checkpoint, Location, Reader, Selection, Statistics, TensorInfo, UNREAD, endings_explained,
};
use basin_core::data::Preparation;
use basin_core::error::Error;
use basin_core::file::{folder_of, remove_temporaries};
use basin_core::number;
use basin_core::remote::{self, named};
use serde_json::{Value, json};

use super::{check_new, print, working};
use crate::args::{Device, location};
use crate::progress::say;

/// Inspects, compares and converts checkpoints.
#[derive(Debug, clap::Subcommand)]
pub enum Checkpoints {
    /// Shows the metadata and the tensors: norm, mean, deviation, extremes, and values that are not finite.
    Inspect {
        /// The checkpoint.
        #[arg(value_parser = location())]
        file: Location,
        #[command(flatten)]
        selected: Selected,
        /// Shows names, types and shapes only, without reading the values.
        #[arg(long)]
        names: bool,
        /// Prints the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Compares the tensors of two checkpoints: norm of the difference, relative to the first, and cosine.
    Diff {
        /// The first checkpoint.
        #[arg(value_parser = location())]
        one: Location,
        /// The second checkpoint.
        #[arg(value_parser = location())]
        two: Location,
        /// Prints the result as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Writes a checkpoint in another format, as the new name's ending says.
    #[command(long_about = converting())]
    Convert {
        /// The checkpoint.
        #[arg(value_parser = location())]
        from: Location,
        /// The new file.
        #[arg(value_parser = location())]
        to: Location,
        #[command(flatten)]
        selected: Selected,
        /// Overwrites the new file if it is there.
        #[arg(long)]
        force: bool,
        /// Prints the result as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Which of a file's tensors are meant.
#[derive(Debug, clap::Args)]
pub struct Selected {
    /// The part of a file of torch.save that holds the tensors, such as model_ema; without it, the one with the weights.
    #[arg(long, value_name = "NAME")]
    part: Option<String>,
    /// Takes this off the start of each tensor's name, such as backbone., and leaves out the tensors without it.
    #[arg(long, value_name = "PREFIX")]
    strip: Option<String>,
}

impl Selected {
    fn selection(&self) -> Selection<'_> {
        Selection { part: self.part.as_deref(), strip: self.strip.as_deref() }
    }
}

/// What `runner checkpoint convert` does, with what each format holds.
fn converting() -> String {
    format!(
        "Writes a checkpoint in another format, as the new name's ending says.\n\n{} Values become float32, counters of batches stay int64.",
        endings_explained()
    )
}

impl Checkpoints {
    /// Runs the command that was typed.
    pub fn run(&self) -> Result<()> {
        match self {
            Checkpoints::Inspect { file, selected, names: true, json } => {
                let copy = local(file)?;
                let reader = Reader::open_selection(&copy, selected.selection());
                let reader = reader.map_err(|error| named(error, &copy, file))?;
                inspect(file, &copy, &reader, None, *json)
            }
            Checkpoints::Inspect { file, selected, names: false, json } => {
                let copy = local(file)?;
                let inspection = checkpoint::inspect(&copy, selected.selection());
                let inspection = inspection.map_err(|error| named(error, &copy, file))?;
                let numbers = Some((inspection.tensors.as_slice(), &inspection.total));
                inspect(file, &copy, &inspection.reader, numbers, *json)
            }
            Checkpoints::Diff { one, two, json } => diff(one, two, *json),
            Checkpoints::Convert { from, to, selected, force, json } => {
                convert(from, to, selected.selection(), *force, *json)
            }
        }
    }
}

fn inspect(
    file: &Location,
    copy: &Path,
    reader: &Reader,
    numbers: Option<(&[Statistics], &Statistics)>,
    json: bool,
) -> Result<()> {
    let values: usize = reader.tensors.iter().map(TensorInfo::len).sum();
    let preparation = match Preparation::of(file, copy) {
        Ok(known) => known,
        Err(error) => {
            say(&error.to_string());
            None
        }
    };
    if json {
        let parts = reader.parts.iter().map(|(name, tensors)| json!({ "name": name, "tensors": tensors }));
        let parts = parts.collect::<Vec<_>>();
        let tensors = reader.tensors.iter().enumerate().map(|(index, tensor)| {
            let numbers = numbers.map(|(tensors, _)| &tensors[index]);
            json!({
                "name": tensor.name, "dtype": tensor.dtype, "shape": tensor.shape, "values": tensor.len(),
                "statistics": numbers,
            })
        });
        let result = json!({
            "file": file, "format": reader.format, "metadata": reader.metadata, "values": values,
            "part": reader.part, "parts": parts, "preparation": preparation.map(|(preparation, _)| preparation),
            "tensors": tensors.collect::<Vec<_>>(), "statistics": numbers.map(|(_, total)| total),
        });
        return print(&format!("{result}\n"));
    }
    let mut text = format!("{file}: {}\n", reader.format);
    for (name, value) in &reader.metadata {
        text += &format!("{name}: {value}\n");
    }
    if let Some((preparation, source)) = &preparation {
        text += &format!("images were prepared with {preparation} ({source})\n");
    }
    if !reader.part.is_empty() {
        text += &format!("part: {}\n", reader.part);
        let others = reader.parts.iter().filter(|(name, _)| !reader.part.starts_with(name));
        for (name, tensors) in others {
            text += &format!("another part: {name}, {tensors} tensors\n");
        }
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

fn diff(one: &Location, two: &Location, json: bool) -> Result<()> {
    let open = |file: &Location| -> Result<Reader> {
        let copy = local(file)?;
        Reader::open(&copy).map_err(|error| named(error, &copy, file).into())
    };
    let (before, after) = (open(one)?, open(two)?);
    let diff = checkpoint::diff_files(&before, &after)?;
    let of_type = |reader: &Reader| -> HashMap<String, String> {
        reader.tensors.iter().map(|tensor| (tensor.name.clone(), tensor.dtype.clone())).collect()
    };
    let (old, new) = (of_type(&before), of_type(&after));
    let types: Vec<(&str, &str, &str)> = diff
        .tensors
        .iter()
        .map(|tensor| (tensor.name.as_str(), old[&tensor.name].as_str(), new[&tensor.name].as_str()))
        .filter(|(_, old, new)| old != new)
        .collect();
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
            "not_read": diff.unread, "other_types": types, "tensors": tensors.collect::<Vec<_>>(), "total": change(&diff.total),
        });
        return print(&format!("{result}\n"));
    }
    if diff.is_identical() && types.is_empty() {
        return print(&format!("identical: {} tensors, bit by bit\n", diff.tensors.len()));
    }
    let mut text = String::new();
    for (names, file) in [(&diff.only_before, one), (&diff.only_after, two)] {
        for name in names {
            text += &format!("only in {file}: {name}\n");
        }
    }
    for tensor in &diff.reshaped {
        text += &format!("{}: {} and {}\n", tensor.name, shape(&tensor.before), shape(&tensor.after));
    }
    for (name, old, new) in &types {
        text += &format!("{name}: {old} and {new}\n");
    }
    for name in &diff.unread {
        text += &format!("not compared: {name}, whose type is not read in both files\n");
    }
    if diff.tensors.is_empty() {
        return print(&(text + "no tensor that is read has the same name and shape in both\n"));
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

fn convert(from: &Location, to: &Location, selection: Selection, force: bool, json: bool) -> Result<()> {
    let Some(file) = to.file() else {
        return Err(Error::usage(format!("{to} is no file; name one to convert to")).into());
    };
    check_new(file, force)?;
    let copy = local(from)?;
    let checkpoint =
        Checkpoint::load_selection(&copy, selection).map_err(|error| named(error, &copy, from))?;
    remove_temporaries(folder_of(file));
    checkpoint.save(file)?;
    let tensors = checkpoint.state.tensors.len();
    let reader = Reader::open_selection(&copy, selection)?;
    let mut rounded = Vec::new();
    for (index, tensor) in reader.tensors.iter().enumerate() {
        // Counters are written as the whole numbers that they are.
        if checkpoint.state.get(&tensor.name).is_some_and(|kept| !kept.is_count())
            && reader.is_rounded(index)?
        {
            rounded.push(tensor.name.as_str());
        }
    }
    let unread = checkpoint.metadata.get(UNREAD);
    if json {
        let result =
            json!({ "from": from, "to": to, "tensors": tensors, "not_read": unread, "rounded": rounded });
        return print(&format!("{result}\n"));
    }
    let left_out = unread.map(|names| format!(", without those that are not read: {names}"));
    let rounded = match &rounded[..] {
        [] => String::new(),
        [first, more @ ..] => format!(
            "; values of {first}{} were rounded to float32",
            if more.is_empty() { String::new() } else { format!(" and {} more tensors", more.len()) }
        ),
    };
    print(&format!("{tensors} tensors written to {to}{}{rounded}\n", left_out.unwrap_or_default()))
}

/// The file of a checkpoint, fetched if need be.
fn local(checkpoint: &Location) -> Result<PathBuf> {
    working(&Device::cpu(), |job| remote::local(checkpoint, job))
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
