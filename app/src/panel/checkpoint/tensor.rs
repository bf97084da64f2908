//! One tensor: the histogram of its values, and the singular values of a convolution or a linear map.

use std::path::PathBuf;

use basin_core::analysis::spectrum::LayerSpectrum;
use basin_core::checkpoint::{Histogram, Reader, Statistics};
use basin_core::error::{Error, Result};
use basin_core::figure::{Chart, Scale, Series};
use basin_core::job::Job;
use basin_core::number;
use egui::{Context, DragValue, Ui};

use super::opened::{Contents, Stamp};
use super::shape;
use crate::background::Slot;
use crate::context::Cx;
use crate::queue::Ticket;
use crate::widget::chart::chart;
use crate::widget::job::{is_open, job};
use crate::widget::{hint, problem};

/// Bins of a histogram.
const PARTS: usize = 100;
/// Side of the input images if the checkpoint lies in no run, pixels.
const IMAGE_SIZE: usize = 224;
/// Height of a chart, points.
const HEIGHT: f32 = 240.0;

/// A checkpoint that has the tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// What charts call it.
    pub label: String,
    /// The file.
    pub path: PathBuf,
    /// Its state when it was read.
    pub stamp: Stamp,
}

impl Holder {
    /// Reads the values of a tensor.
    fn values(&self, name: &str) -> Result<Vec<f32>> {
        self.stamp.check(&self.path)?;
        let reader = Reader::open(&self.path)?;
        let index = reader.tensors.iter().position(|tensor| tensor.name == name);
        let missing = || Error::data(format!("{} has no {name}; read it again", self.path.display()));
        reader.values(index.ok_or_else(missing)?)
    }
}

/// A tensor that was clicked.
pub struct Detail {
    name: String,
    holders: Vec<Holder>,
    histogram: Slot<Chart>,
    map: Option<Map>,
    ticket: Option<Ticket<Decomposed>>,
    decomposed: Option<Decomposed>,
}

/// A convolution or a linear map on an input.
#[derive(Debug, Clone)]
struct Map {
    layer: LayerSpectrum,
    /// Side of its input, and of the images that give such an input; if the architecture is known.
    usual: Option<(usize, usize)>,
}

/// Singular values as a chart, and in words.
struct Decomposed {
    chart: Chart,
    words: Vec<String>,
}

impl Detail {
    /// Starts to read the tensor, which `contents` describes.
    pub fn new(context: &Context, name: &str, contents: &Contents, holders: Vec<Holder>) -> Self {
        let (owned, files) = (name.to_owned(), holders.clone());
        let mut histogram = Slot::default();
        histogram.start(context, move || histograms(&owned, &files));
        let map = Map::of(name, contents);
        Self { name: name.to_owned(), holders, histogram, map, ticket: None, decomposed: None }
    }

    /// Whether it is that tensor of those files.
    pub fn is_of(&self, name: &str, holders: &[Holder]) -> bool {
        self.name == name && self.holders == holders
    }

    #[cfg(test)]
    pub fn histogram(&self) -> Option<&Chart> {
        self.histogram.value()
    }

    #[cfg(test)]
    pub fn singular_values(&self) -> Option<&Chart> {
        self.decomposed.as_ref().map(|decomposed| &decomposed.chart)
    }

    /// Draws it.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        ui.heading(&self.name);
        self.histogram.poll();
        if self.histogram.is_pending() {
            ui.spinner();
        }
        if let Some(error) = self.histogram.error() {
            problem(ui, error);
        }
        self.spectrum_controls(ui, cx);
        let half = ui.available_width() / 2.0 - ui.spacing().item_spacing.x;
        ui.horizontal_top(|ui| {
            if let Some(histogram) = self.histogram.value() {
                ui.vertical(|ui| {
                    ui.set_width(half);
                    chart(ui, cx, &format!("histogram of {}", self.name), histogram, HEIGHT);
                });
            }
            if let Some(decomposed) = &self.decomposed {
                ui.vertical(|ui| {
                    ui.set_width(half);
                    chart(ui, cx, &format!("singular values of {}", self.name), &decomposed.chart, HEIGHT);
                    decomposed.words.iter().for_each(|sentence| hint(ui, sentence));
                });
            }
        });
    }

    fn spectrum_controls(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let Some(map) = &mut self.map else { return };
        ui.horizontal(|ui| {
            if map.layer.shape.len() == 4 {
                let label = ui.label("Side of its input, pixels");
                let mut side = map.layer.side;
                ui.add(DragValue::new(&mut side).range(1..=1024)).labelled_by(label.id);
                if side != map.layer.side {
                    let LayerSpectrum { name, shape, stride, groups, .. } = &map.layer;
                    map.layer =
                        LayerSpectrum { groups: *groups, ..LayerSpectrum::new(name, shape, *stride, side) };
                }
            }
            if !is_open(&self.ticket) && ui.button("Singular values").clicked() {
                let (map, name, holders) = (map.clone(), self.name.clone(), self.holders.clone());
                let title = format!("Singular values of {name}");
                let work = move |job: &Job| decompose(&name, &map, &holders, job);
                self.ticket = Some(cx.compute(title, work));
            }
            if let Some(decomposed) = job(ui, &mut self.ticket) {
                self.decomposed = Some(decomposed);
            }
        });
    }
}

impl Drop for Detail {
    /// Cancels the decomposition, whose result nobody will see.
    fn drop(&mut self) {
        if let Some(ticket) = &self.ticket {
            ticket.job.cancel();
        }
    }
}

impl Map {
    /// The map that a tensor is: with the input of its layer if the architecture is known, or else on a small input.
    /// `None` for a tensor that is no matrix or kernel.
    fn of(name: &str, contents: &Contents) -> Option<Self> {
        /// Side of the input where it is unknown, pixels.
        const UNKNOWN: usize = 16;
        let shape = &contents.tensors.iter().find(|tensor| tensor.name == name)?.shape;
        if !matches!(shape.len(), 2 | 4) || shape.contains(&0) {
            return None;
        }
        let image_size = contents.image_size.unwrap_or(IMAGE_SIZE);
        let layers = contents.arch.as_ref().map(|arch| LayerSpectrum::planned(arch, image_size));
        let name = name.trim_end_matches(".weight");
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let is_it = |layer: &LayerSpectrum| layer.name == name && count(&layer.shape) == count(shape);
        let known = layers.into_iter().flatten().find(is_it);
        Some(match known {
            Some(layer) => Self { usual: Some((layer.side, image_size)), layer },
            None if contents.arch.is_some() => return None,
            None => {
                let side = if shape.len() == 4 { UNKNOWN } else { 1 };
                Self { layer: LayerSpectrum::new(name, shape, 1, side), usual: None }
            }
        })
    }

    /// A description, such as its shape and input.
    fn words(&self) -> String {
        let LayerSpectrum { shape: lengths, side, .. } = &self.layer;
        let lengths = shape(lengths);
        match self.usual {
            _ if self.layer.shape.len() == 2 => format!("Linear map {lengths}"),
            Some((usual, image)) if usual == *side => {
                format!("Kernel {lengths} on {side} x {side} pixels, as for images of {image} x {image}")
            }
            _ => format!("Kernel {lengths} on {side} x {side} pixels"),
        }
    }
}

/// The histogram of the tensor in each checkpoint, with the same bins.
fn histograms(name: &str, holders: &[Holder]) -> Result<Chart> {
    let values = holders.iter().map(|holder| holder.values(name)).collect::<Result<Vec<_>>>()?;
    let all = values.iter().map(|values| Statistics::of(values)).reduce(Statistics::and);
    let range = match all.map_or([f64::NAN; 2], |all| [all.min, all.max]) {
        // Equal values lie in the middle of a part around them.
        [low, high] if low == high => [low - low.abs().max(1.0) / 2.0, low + low.abs().max(1.0) / 2.0],
        range => range,
    };
    let series = holders.iter().zip(&values);
    let series = series
        .map(|(holder, values)| Series::new(&holder.label, Histogram::of(values, range, PARTS).outline()));
    Ok(Chart {
        x: format!("values of {name}"),
        y: format!("values in each of {PARTS} parts"),
        series: series.collect(),
        ..Chart::default()
    })
}

/// The singular values of the map in each checkpoint that has the tensor in that shape.
fn decompose(name: &str, map: &Map, holders: &[Holder], job: &Job) -> Result<Decomposed> {
    let layer = &map.layer;
    let (mut series, mut words) = (Vec::new(), Vec::new());
    for holder in holders {
        let weight = holder.values(name)?;
        if weight.len() != layer.shape.iter().product::<usize>() {
            words.push(format!("{}: of another shape", holder.label));
            continue;
        }
        if let Some(value) = weight.iter().find(|value| !value.is_finite()) {
            return Err(Error::data(format!(
                "{name} of {} holds {value}, which is not finite, and has no singular values",
                holder.path.display()
            )));
        }
        let (layer, values) = layer.decomposed(&weight, &|| job.check())?;
        series.push(Series::new(&holder.label, layer.by_rank(&values)));
        let stable = number::or_absent(layer.stable_rank, number::general);
        words.push(format!(
            "{}: {} singular values from {} to {}, rank {}, stable rank {stable}",
            holder.label,
            layer.values,
            number::general(layer.norm),
            number::general(layer.smallest),
            layer.rank
        ));
    }
    let wraps = if layer.wraps { "; the kernel is larger than its input" } else { "" };
    words.push(format!("{}; exact for {}{wraps}.", map.words(), layer.exact_for.words()));
    Ok(Decomposed {
        chart: Chart {
            x: "rank / number of singular values".to_owned(),
            y: "singular value".to_owned(),
            y_scale: Scale::Log,
            series,
            ..Chart::default()
        },
        words,
    })
}
