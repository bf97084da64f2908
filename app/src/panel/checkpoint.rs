//! The tensors of a checkpoint with their statistics, and the differences from another checkpoint.

mod comparison;
mod opened;
mod tensor;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use basin_core::analysis::names::short_names;
use basin_core::checkpoint::{Location, TensorInfo, endings_in_words};
use basin_core::figure::Table;
use basin_core::number::{self, ABSENT};
use basin_core::setting::regex;
use egui::{CollapsingHeader, ScrollArea, TextEdit, Ui};

use self::comparison::Comparison;
use self::opened::{Contents, Opened, Stamp};
use self::tensor::{Detail, Holder};
use crate::background::Slot;
use crate::context::Cx;
use crate::panel::Panel;
use crate::widget::bars::bars;
use crate::widget::picker;
use crate::widget::table::table;
use crate::widget::{count, hint, problem};

/// Heights of tables and bars, points.
const TENSORS: f32 = 240.0;
const MODULES: f32 = 260.0;

/// What the panel remembers.
#[derive(Default)]
pub struct CheckpointPanel {
    one: Option<Opened>,
    two: Option<Opened>,
    /// A regular expression that the names of the listed tensors match.
    filter: String,
    listing: Option<Listing>,
    /// Name of the tensor that was clicked.
    selected: Option<String>,
    detail: Option<Detail>,
    comparison: Slot<Comparison>,
    /// The files that it compares, in their states.
    compared: Option<[(PathBuf, Stamp); 2]>,
}

/// The tensors that pass the filter.
struct Listing {
    table: Table,
    summary: String,
    wrong_filter: Option<String>,
}

impl Panel for CheckpointPanel {
    fn title(&self) -> &'static str {
        "Checkpoint"
    }

    fn needs_runs(&self) -> bool {
        false
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        self.choose(ui, cx);
        let Some(one) = &mut self.one else {
            hint(ui, &format!("Choose a checkpoint, or drop one on the window: {}.", endings_in_words()));
            return;
        };
        if one.update(ui.ctx()) {
            self.listing = None;
        }
        if let Some(two) = &mut self.two {
            two.update(ui.ctx());
        }
        ScrollArea::vertical().id_salt("checkpoint").auto_shrink(false).show(ui, |ui| {
            state(ui, &mut self.one);
            state(ui, &mut self.two);
            self.tensors(ui);
            self.detail(ui, cx);
            self.comparison(ui, cx);
        });
    }
}

impl CheckpointPanel {
    /// Opens a checkpoint; the one that it is compared with stays.
    pub fn open(&mut self, path: PathBuf) {
        self.one = Some(Opened::new(path));
        self.listing = None;
    }

    fn choose(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let path = |opened: &Option<Opened>| opened.as_ref().map(|opened| opened.path.clone());
        let (mut one, mut two) = (path(&self.one), path(&self.two));
        if picker::checkpoint(ui, cx, "Checkpoint", &mut one)
            && let Some(path) = one
        {
            self.open(path);
        }
        ui.horizontal(|ui| {
            if picker::checkpoint(ui, cx, "Compare with", &mut two) {
                self.two = two.map(Opened::new);
            }
            if self.two.is_some() && ui.button("Compare with none").clicked() {
                self.two = None;
            }
        });
    }

    /// Draws the metadata, and a table of the tensors.
    fn tensors(&mut self, ui: &mut Ui) {
        let Some(contents) = self.one.as_ref().and_then(Opened::contents) else { return };
        metadata(ui, contents);
        ui.horizontal(|ui| {
            let label = ui.label("Names");
            let edit = TextEdit::singleline(&mut self.filter).hint_text("filter: a regular expression");
            if ui.add(edit.desired_width(260.0)).labelled_by(label.id).changed() {
                self.listing = None;
            }
        });
        let listing = self.listing.get_or_insert_with(|| Listing::of(contents, &self.filter));
        ui.label(&listing.summary);
        if let Some(wrong) = &listing.wrong_filter {
            problem(ui, wrong);
        }
        let clicked = table(ui, "tensors", &listing.table, TENSORS);
        if let Some(row) = clicked.and_then(|row| listing.table.rows.get(row)) {
            self.selected = row.first().cloned();
        }
        if self.selected.is_none() {
            hint(ui, "A click on a tensor shows its histogram, and the singular values of a map.");
        }
    }

    /// Draws the tensor that was clicked.
    fn detail(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let Some((name, contents)) = self.selected.as_ref().zip(self.one.as_ref().and_then(Opened::contents))
        else {
            return;
        };
        let files: Vec<&Opened> = self.one.iter().chain(&self.two).collect();
        let locations: Vec<Location> = files.iter().map(|file| file.path.as_path().into()).collect();
        let labels = short_names(&locations);
        let holders = labels.into_iter().zip(files).filter_map(|(label, file)| {
            let contents = file.contents()?;
            let is_there = contents.tensors.iter().any(|tensor| tensor.name == *name);
            is_there.then(|| Holder { label, path: file.path.clone(), stamp: contents.stamp })
        });
        let holders: Vec<Holder> = holders.collect();
        if !contents.tensors.iter().any(|tensor| tensor.name == *name) {
            self.detail = None;
            hint(ui, &format!("This checkpoint has no {name}."));
            return;
        }
        ui.add_space(8.0);
        if self.detail.as_ref().is_none_or(|detail| !detail.is_of(name, &holders)) {
            self.detail = Some(Detail::new(ui.ctx(), name, contents, holders));
        }
        if let Some(detail) = &mut self.detail {
            detail.ui(ui, cx);
        }
    }

    /// Draws the differences from the other checkpoint.
    fn comparison(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let both = self.one.as_ref().zip(self.two.as_ref());
        let Some((one, two)) =
            both.and_then(|(one, two)| Some(((one, one.contents()?), (two, two.contents()?))))
        else {
            return;
        };
        let now = [one, two].map(|(file, contents)| (file.path.clone(), contents.stamp));
        if self.compared.as_ref() != Some(&now) {
            let [(before, _), (after, _)] = now.clone();
            let arch = one.1.arch.clone();
            self.comparison.clear();
            self.comparison.start(ui.ctx(), move || Comparison::read(&before, &after, arch.as_ref()));
            self.compared = Some(now);
        }
        self.comparison.poll();
        ui.add_space(8.0);
        let locations = [one.0, two.0].map(|file| Location::from(file.path.as_path()));
        ui.heading(short_names(&locations).join(" to "));
        if self.comparison.is_pending() {
            ui.spinner();
        }
        if let Some(error) = self.comparison.error() {
            problem(ui, error);
        }
        let Some(comparison) = self.comparison.value() else { return };
        ui.label(&comparison.sentence);
        bars(ui, cx, "relative change by module", &comparison.bars, MODULES);
        table(ui, "modules", &comparison.modules, MODULES);
        ui.add_space(8.0);
        table(ui, "changes of tensors", &comparison.tensors, TENSORS);
    }
}

/// Draws the progress of reading, an error, and a button to read the file again if it has changed or could not be read.
fn state(ui: &mut Ui, opened: &mut Option<Opened>) {
    let Some(file) = opened else { return };
    let change = file.change();
    if let Some(sentence) = file.error().or(change.as_deref()) {
        problem(ui, sentence);
    }
    if file.is_reading() {
        ui.horizontal(|ui| {
            ui.spinner();
            hint(ui, &format!("reading {}", file_name(&file.path)));
        });
    }
    if (change.is_some() || file.error().is_some())
        && ui.button(format!("Read {} again", file_name(&file.path))).clicked()
    {
        *opened = Some(Opened::new(file.path.clone()));
    }
}

fn metadata(ui: &mut Ui, contents: &Contents) {
    /// Largest number of entries that are shown without a click.
    const FEW: usize = 12;
    if let Some(preparation) = &contents.preparation {
        ui.add(egui::Label::new(preparation.as_str()).wrap());
    }
    if contents.metadata.is_empty() {
        hint(ui, "The file says nothing of itself beside its tensors.");
        return;
    }
    let entries = contents.metadata.len();
    let header = CollapsingHeader::new(format!("Metadata ({entries})")).default_open(entries <= FEW);
    header.show(ui, |ui| {
        for (key, value) in &contents.metadata {
            ui.add(egui::Label::new(format!("{key}: {value}")).wrap());
        }
    });
}

impl Listing {
    fn of(contents: &Contents, filter: &str) -> Self {
        let regex = regex(filter);
        let is_shown = |name: &str| regex.as_ref().map_or(true, |regex| regex.is_match(name));
        let columns = [
            "tensor",
            "type",
            "shape",
            "values",
            "norm",
            "mean",
            "deviation",
            "smallest",
            "largest",
            "not finite",
        ];
        let shown = contents.tensors.iter().enumerate().filter(|(_, tensor)| is_shown(&tensor.name));
        let row = |(index, tensor): (usize, &TensorInfo)| {
            let known =
                [tensor.name.clone(), tensor.dtype.clone(), shape(&tensor.shape), tensor.len().to_string()];
            let numbers = contents.numbers.as_ref().and_then(|(tensors, _)| tensors.get(index));
            let numbers = numbers.map_or_else(
                || vec![ABSENT.to_owned(); 6],
                |s| {
                    let numbers = [s.norm, s.mean, s.deviation, s.min, s.max].map(number::general);
                    numbers.into_iter().chain([s.non_finite.to_string()]).collect()
                },
            );
            known.into_iter().chain(numbers).collect()
        };
        let rows: Vec<Vec<String>> = shown.map(row).collect();
        let values: usize = contents.tensors.iter().map(TensorInfo::len).sum();
        let mut summary = format!(
            "{}: {} of {}, {values} values in all",
            contents.format,
            rows.len(),
            count(contents.tensors.len(), "tensor")
        );
        if let Some((_, total)) = &contents.numbers {
            summary += &format!(
                "; norm {}, mean {}, from {} to {}, {} not finite",
                number::general(total.norm),
                number::general(total.mean),
                number::general(total.min),
                number::general(total.max),
                total.non_finite
            );
        }
        let table = Table { columns: columns.map(str::to_owned).to_vec(), rows };
        Self { table, summary, wrong_filter: regex.err().map(|error| error.to_string()) }
    }
}

/// A shape as PyTorch prints it.
fn shape(lengths: &[usize]) -> String {
    format!("{lengths:?}")
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
