//! The first page, which is shown where there are no runs: a folder to choose, a sample to look at, a study to run.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use basin_core::error::{Error, Result};
use basin_core::study::{self, Finished, Options, Study};
use egui::{Id, Ui};
use zip::ZipArchive;

use crate::background::Slot;
use crate::command::Command;
use crate::context::Cx;
use crate::queue::Ticket;
use crate::widget::job::{is_open, job};
use crate::widget::{hint, problem};

/// The runs and analyses of the demo study, without checkpoints.
const SAMPLE: &[u8] = include_bytes!("../../../assets/sample.zip");
/// Name of the folder dialog.
const FOLDER: &str = "folder of the first page";

/// What the page remembers.
#[derive(Default)]
pub struct Welcome {
    sample: Slot<PathBuf>,
    demo: Option<Ticket<Finished>>,
}

impl Welcome {
    /// Draws the page.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        if cx.runs.count().is_none() && cx.runs.error().is_none() {
            ui.spinner();
            return;
        }
        ui.heading("No runs yet");
        ui.label(format!("There are no runs in {}.", cx.runs.base().display()));
        ui.add_space(8.0);
        if ui.button("Choose a folder of runs…").clicked() {
            cx.commands.push(Command::PickFolder(Id::unique(FOLDER)));
        }
        if let Some(folder) = cx.dialogs.picked(Id::unique(FOLDER)) {
            cx.commands.push(Command::OpenFolder(folder));
        }
        self.sample(ui, cx);
        self.demo(ui, cx);
        ui.add_space(8.0);
        hint(ui, "A folder of runs, or a checkpoint, can also be dropped on this window.");
    }

    fn sample(&mut self, ui: &mut Ui, cx: &mut Cx) {
        if ui
            .button("Open the sample folder")
            .on_hover_text("The demo study's runs, without checkpoints")
            .clicked()
        {
            self.sample.start(ui.ctx(), || {
                let folder = eframe::storage_dir("basin").unwrap_or_else(std::env::temp_dir).join("sample");
                unpack(&folder)
            });
        }
        self.sample.poll();
        if let Some(error) = self.sample.error() {
            problem(ui, error);
        }
        if let Some(base) = self.sample.value().cloned() {
            self.sample.clear();
            cx.commands.push(Command::OpenFolder(base));
        }
    }

    fn demo(&mut self, ui: &mut Ui, cx: &mut Cx) {
        ui.add_enabled_ui(!is_open(&self.demo), |ui| {
            let button = ui.button("Run the demo study");
            if button
                .on_hover_text("Trains 11 small networks and analyses them: 8 minutes on two cores")
                .clicked()
            {
                let (base, registry) = (cx.runs.base().to_owned(), cx.runs.shared_registry());
                self.demo = Some(cx.compute("demo study", move |job| {
                    let options = Options { base: &base, seed: 0, set: &[] };
                    study::run(&Study::open("demo")?, &options, &registry, job)
                }));
            }
        });
        if let Some(finished) = job(ui, &mut self.demo) {
            cx.commands.push(Command::Say(format!("the report is {}", finished.report.display())));
        }
    }
}

/// Unpacks the sample, and returns its base folder.
///
/// # Errors
/// [`Error::Run`] naming the folder.
fn unpack(folder: &Path) -> Result<PathBuf> {
    let unpacked = ZipArchive::new(Cursor::new(SAMPLE)).and_then(|mut archive| archive.extract(folder));
    unpacked.map_err(|error| {
        Error::run(format!(
            "the sample cannot be unpacked to {} ({error}); free some space",
            folder.display()
        ))
    })?;
    Ok(folder.join("experiments"))
}

#[cfg(test)]
mod tests {
    use basin_core::config::Registry;
    use basin_core::run::{Status, Summary, find_runs};

    use super::*;
    use crate::runs::stored_results;

    #[test]
    fn the_sample_holds_finished_runs_with_analyses() {
        let folder = tempfile::tempdir().unwrap();
        let base = unpack(folder.path()).unwrap();
        let (runs, registry) = (find_runs(&base).unwrap(), Registry::load().unwrap());
        assert!(runs.len() >= 9);
        for run in &runs {
            assert_eq!(Summary::read(run, &registry).unwrap().status(), Status::Done, "{}", run.key);
        }
        let results: Vec<_> = runs.iter().flat_map(|run| stored_results(&run.run.analysis())).collect();
        for kind in ["interpolation", "similarity", "mistakes", "criticality", "spectrum"] {
            assert!(results.iter().any(|result| result.kind == kind), "{kind}");
        }
    }
}
