//! One line of the chart.

use std::path::PathBuf;

use basin_core::analysis::interpolation::{Interpolation, Request, interpolate};
use basin_core::analysis::names::short_names;
use basin_core::checkpoint::Location;
use egui::{Context, TextEdit, Ui};

use crate::context::Cx;
use crate::panel::analysis::Analysis;
use crate::widget::count;
use crate::widget::images::ImageChoice;

/// A line with its name.
pub struct LabelledLine {
    /// Tells it from others.
    number: usize,
    /// What the figures call it.
    pub label: String,
    /// What is computed; nothing for one that was read.
    wanted: Option<Wanted>,
    analysis: Analysis<Interpolation>,
}

/// What is computed.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Checkpoints at 0 and 1.
    pub ends: [PathBuf; 2],
    /// On which images.
    pub images: ImageChoice,
    /// Where.
    pub coefficients: Vec<f64>,
}

impl LabelledLine {
    /// A line of which nothing is known.
    pub fn new(number: usize) -> Self {
        Self { number, label: String::new(), wanted: None, analysis: Analysis::default() }
    }

    /// Reads it from its folder.
    pub fn open(&mut self, context: &Context, folder: PathBuf) {
        self.analysis.open(context, folder);
    }

    /// Whether it lies between the same networks, measured on the same images.
    pub fn is_of(&self, wanted: &Wanted) -> bool {
        self.wanted.as_ref().is_some_and(|own| own.ends == wanted.ends && own.images == wanted.images)
    }

    /// Computes the points that its folder lacks.
    pub fn start(&mut self, context: &Context, cx: &mut Cx, wanted: Wanted) {
        self.analysis.cancel();
        if self.label.is_empty() {
            self.label = label(&wanted.ends.clone().map(Location::File));
        }
        self.wanted = Some(wanted.clone());
        let Wanted { ends: [one, two], images, coefficients } = wanted;
        let images = images.wanted(cx);
        self.analysis.start(context, cx, format!("Line from {}", self.label), move |watch, job| {
            let (experiment, selection) = images.of(&one)?;
            let request = Request {
                coefficients: &coefficients,
                experiment: &experiment,
                selection,
                base: &images.base,
                output: None,
                watch: Some(watch),
            };
            interpolate(&one, &two, &request, job)
        });
    }

    /// Draws its name and how far it is; whether it stays.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) -> bool {
        let mut stays = true;
        ui.push_id(self.number, |ui| {
            ui.horizontal(|ui| {
                let name = ui.label("Line");
                ui.add(TextEdit::singleline(&mut self.label).desired_width(300.0)).labelled_by(name.id);
                if let Some(line) = self.analysis.value() {
                    ui.label(count(line.points.len(), "point"));
                }
                if self.analysis.is_broken_off()
                    && ui.button("Go on").clicked()
                    && let Some(wanted) = self.wanted.clone()
                {
                    self.start(ui.ctx(), cx, wanted);
                }
                stays = !ui.button("Remove").clicked();
            });
            self.analysis.ui(ui, cx.runs.base());
        });
        if let (true, Some(line)) = (self.label.is_empty(), self.analysis.value()) {
            let locations = line.inputs.networks.iter().map(|source| source.location.clone());
            self.label = label(&locations.collect::<Vec<_>>());
        }
        if !stays {
            self.analysis.cancel();
        }
        stays
    }

    /// The points so far, if there are any.
    pub fn value(&self) -> Option<&Interpolation> {
        self.analysis.value().filter(|line| !line.points.is_empty())
    }

    /// Changes with what figures show of it.
    pub fn state(&self) -> (usize, u64, String) {
        (self.number, self.analysis.version(), self.label.clone())
    }
}

/// What tells the ends apart, after the names of the runs that they lie in where these are not said by it.
fn label(locations: &[Location]) -> String {
    let ends = short_names(locations).join(" to ");
    let run = |location: &Location| {
        let folder = location.file()?.parent()?.parent()?.file_name()?;
        Some(folder.to_string_lossy().into_owned())
    };
    let mut runs: Vec<String> = locations.iter().filter_map(run).filter(|run| !ends.contains(run)).collect();
    runs.dedup();
    if runs.is_empty() { ends } else { format!("{}: {ends}", runs.join(" to ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_called_by_its_runs_and_by_what_differs() {
        let between = |one: &str, two: &str| label(&[one, two].map(Location::parse));
        let [tuned, late] = ["b/x/tuned/checkpoints/ckpt-E6.pth", "b/x/scratch/checkpoints/ckpt-E9.pth"];
        assert_eq!(between(tuned, late), "tuned to scratch: ckpt-E6 to ckpt-E9");
        assert_eq!(between(tuned, "b/x/tuned/checkpoints/ckpt-E0.pth"), "tuned: ckpt-E6 to ckpt-E0");
        assert_eq!(between(tuned, "b-rep1/x/tuned/checkpoints/ckpt-E6.pth"), "tuned: b to b-rep1");
        assert_eq!(between("a.pth", "b.pth"), "a to b");
    }
}
