//! Every panel of an analysis in the window: started, cancelled, gone on with, exported; and results of the runner, opened.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;

use basin_core::analysis::ANALYSES;
use basin_core::analysis::request::{Request, Surroundings};
use basin_core::analysis::selection::Selection;
use basin_core::checkpoint::Checkpoint;
use basin_core::config::Registry;
use basin_core::data::Split;
use basin_core::device::Choice;
use basin_core::job::{Job, Stop};
use basin_core::model::{Arch, initial_state};
use basin_core::run::RunDir;
use egui::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use tempfile::TempDir;

use crate::app::App;
use crate::testing::{experiment, until, window_of_all, write_run};
use crate::widget::picker::short;

const KEY: &str = "demo/Shapes_line/fixup_resnet18/scratch";

/// How an analysis is asked in the window, and by the runner.
struct Case {
    /// The folder of its results.
    name: &'static str,
    tab: &'static str,
    /// Its name where panels share a tab.
    radio: Option<&'static str>,
    /// The button that starts.
    start: &'static str,
    /// Numbers in fields, and texts.
    numbers: &'static [(&'static str, f64)],
    texts: &'static [(&'static str, &'static str)],
    /// The same as the runner's options.
    options: &'static [(&'static str, &'static str)],
    /// A figure, and words of the report.
    figure: &'static str,
    words: &'static str,
}

const CASES: [Case; 10] = [
    Case {
        name: "interpolation",
        tab: "Interpolation",
        radio: None,
        start: "Compute line",
        numbers: &[("Count of coefficients", 3.0)],
        texts: &[],
        options: &[("coefficients", "0:1:3")],
        figure: "interpolation-accuracy",
        words: "ckpt-E000 to ckpt-E001",
    },
    Case {
        name: "basin",
        tab: "Basin",
        radio: None,
        start: "Search basin",
        numbers: &[("Draws", 1.0)],
        texts: &[],
        options: &[("draws", "1")],
        figure: "basin-line",
        words: "epsilon",
    },
    Case {
        name: "similarity",
        tab: "Similarity",
        radio: None,
        start: "Compare",
        numbers: &[],
        texts: &[("Modules", "conv1,fc")],
        options: &[("modules", "conv1,fc")],
        figure: "similarity-modules",
        words: "ckpt-E000 & ckpt-E001",
    },
    Case {
        name: "rewinding",
        tab: "Criticality",
        radio: Some("Rewinding of modules"),
        start: "Rewind",
        numbers: &[],
        texts: &[("Modules", "fc")],
        options: &[("modules", "fc")],
        figure: "rewinding-accuracy",
        words: "epoch 0 test accuracy %",
    },
    Case {
        name: "criticality",
        tab: "Criticality",
        radio: Some("Criticality of modules"),
        start: "Measure",
        numbers: &[("Count of alphas", 2.0), ("Count of sigmas", 2.0), ("Draws", 1.0)],
        texts: &[("Modules", "fc")],
        options: &[("modules", "fc"), ("alphas", "0:1:2"), ("sigmas", "0:1:2"), ("draws", "1")],
        figure: "criticality-fc-accuracy",
        words: "epsilon is",
    },
    Case {
        name: "mistakes",
        tab: "Mistakes",
        radio: None,
        start: "Compare mistakes",
        numbers: &[],
        texts: &[],
        options: &[],
        figure: "mistakes",
        words: "20 images of Shapes_line, test split",
    },
    Case {
        name: "spectrum",
        tab: "Spectra",
        radio: None,
        start: "Compute spectra",
        numbers: &[],
        texts: &[("Layers", "^fc$")],
        options: &[("layers", "^fc$")],
        figure: "spectrum-spectral_norm",
        words: "the layer",
    },
    Case {
        name: "distance",
        tab: "Distance",
        radio: None,
        start: "Measure distances",
        numbers: &[],
        texts: &[],
        options: &[],
        figure: "distance-modules",
        words: "l2 distance of each module",
    },
    Case {
        name: "accuracy",
        tab: "Accuracy",
        radio: None,
        start: "Measure accuracy",
        numbers: &[],
        texts: &[("On", "Shapes_photo")],
        options: &[("on", "Shapes_photo")],
        figure: "accuracy",
        words: "Shapes_photo",
    },
    Case {
        name: "probe",
        tab: "Probe",
        radio: None,
        start: "Fit probes",
        numbers: &[("Neighbours", 3.0)],
        texts: &[("Modules", "layer4,avgpool")],
        options: &[("neighbours", "3"), ("modules", "layer4,avgpool")],
        figure: "probe-strengths",
        words: "kNN",
    },
];

type Window = Harness<'static, App>;

/// A base folder with one run and two checkpoints, which no training has made.
struct Folder {
    folder: TempDir,
    run: RunDir,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = write_run(folder.path(), &experiment(KEY), 0);
        for epoch in 0..2 {
            let state = initial_state(&Arch::new("fixup_resnet18", 10).unwrap(), epoch);
            let metadata = [("epoch".to_owned(), epoch.to_string())].into();
            Checkpoint { state, metadata }.save(&run.checkpoint(epoch as usize)).unwrap();
        }
        Self { folder, run }
    }

    /// The networks of a request, the last one first where only one is named.
    fn networks(&self, count: usize) -> Vec<PathBuf> {
        (0..2).skip(2 - count).map(|epoch| self.run.checkpoint(epoch)).collect()
    }

    fn window(&self, case: &Case) -> Window {
        let mut window = window_of_all(self.folder.path(), case.tab);
        window.run_steps(2);
        if let Some(radio) = case.radio {
            click(&mut window, radio);
        }
        window
    }

    fn choose(&self, window: &mut Window, case: &Case) {
        let roles = ANALYSES.iter().find(|entry| entry.about().name == case.name).unwrap().about();
        let roles = roles.networks.as_ref().unwrap().roles;
        for (role, checkpoint) in roles.iter().zip(self.networks(roles.len())) {
            window.get_by_role_and_label(Role::ComboBox, role).click();
            let name = short(self.folder.path(), &checkpoint);
            until(window, |window| window.query_by_label(&name).is_some());
            click(window, &name);
        }
        for (field, number) in case.numbers {
            window.get_by_role_and_label(Role::SpinButton, field).set_value_accesskit(*number);
            window.run_steps(2);
        }
        for (field, text) in case.texts {
            window.get_by_label(field).focus();
            window.get_by_label(field).type_text(text);
            window.run_steps(2);
        }
    }

    /// Computes it as the runner does.
    fn by_the_runner(&self, case: &Case) {
        let entry = ANALYSES.iter().find(|entry| entry.about().name == case.name).unwrap();
        let (registry, about) = (Arc::new(Registry::load().unwrap()), entry.about());
        let selection = Selection { split: about.split.unwrap_or(Split::Test), samples: None };
        let words = |(option, word): &(&str, &str)| {
            let words = if *option == "modules" { word.split(',').collect() } else { vec![*word] };
            ((*option).to_owned(), words.into_iter().map(str::to_owned).collect())
        };
        let request = Request {
            networks: self
                .networks(about.networks.as_ref().unwrap().roles.len())
                .into_iter()
                .map(Into::into)
                .collect(),
            settings: case.options.iter().map(words).collect(),
            surroundings: Surroundings {
                base: self.folder.path().to_owned(),
                ..Surroundings::new(registry, selection)
            },
        };
        let stop = Stop::default();
        let job = Job { device: Choice::Cpu.open().unwrap(), others: &[], emit: &|_| {}, stop: &stop };
        entry.run(&request, &job).unwrap();
    }

    /// The only result of a kind.
    fn result(&self, case: &Case) -> PathBuf {
        let mut folders = std::fs::read_dir(self.run.analysis().join(case.name)).unwrap();
        let folder = folders.next().unwrap().unwrap().path();
        assert!(folders.next().is_none(), "{} has more than one result", case.name);
        folder
    }
}

fn click(window: &mut Window, label: &str) {
    window.get_by_label(label).click();
    window.run_steps(3);
}

fn shows(window: &Window, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}

/// Clicks a button until that has worked: a report that grows moves its buttons between two frames, and a click misses.
fn click_until(window: &mut Window, label: &str, holds: impl Fn(&Window) -> bool) {
    until(window, |window| {
        window.run_steps(3);
        let is_so = holds(window);
        if !is_so && let Some(button) = window.query_by_label(label) {
            button.click();
        }
        is_so
    });
}

/// Waits for the figure and the words of a report, and exports the figure.
fn export(here: &Folder, window: &mut Window, case: &Case) {
    let (button, save) = (format!("Export {}", case.figure), "Save SVG, PNG and CSV");
    until(window, |window| shows(window, &button) && shows(window, case.words));
    click_until(window, &button, |window| shows(window, save));
    click_until(window, save, |window| !shows(window, save));
    until(window, |window| shows(window, "wrote"));
    for ending in ["svg", "png", "csv"] {
        let file = here.folder.path().join(format!("figures/{}.{ending}", case.figure));
        assert!(file.is_file(), "{}", file.display());
    }
}

#[test]
fn every_analysis_starts_is_cancelled_goes_on_and_is_exported() {
    for case in &CASES {
        let here = Folder::new();
        let mut window = here.window(case);
        // Another job holds the queue, so that there is time to cancel.
        let (release, held) = channel::<()>();
        let held = window.state_mut().submit("another", Choice::Cpu, move |_| {
            held.recv().ok();
            Ok(())
        });
        here.choose(&mut window, case);
        click(&mut window, case.start);
        until(&mut window, |window| shows(window, "waits for the job before it"));
        // That of the other job, which does not look, is in the status bar.
        window.get_all_by_label("Cancel").for_each(|button| button.click());
        until(&mut window, |window| shows(window, "Cancelled; what was computed so far is kept."));
        click(&mut window, "Go on");
        until(&mut window, |window| shows(window, "waits for the job before it"));
        release.send(()).unwrap();
        until(&mut window, |window| !held.job.is_open() && shows(window, "In "));
        export(&here, &mut window, case);
        assert!(here.result(case).join("result.json").is_file(), "{}", case.name);
        click_until(&mut window, "Remove", |window| !shows(window, "Export "));
    }
}

#[test]
fn results_of_the_runner_are_found_and_exported() {
    for case in &CASES {
        let here = Folder::new();
        here.by_the_runner(case);
        let mut window = here.window(case);
        window.get_by_role_and_label(Role::ComboBox, "Stored results").click();
        let folder = here.result(case);
        let name = format!("{KEY} · {}", folder.strip_prefix(here.run.analysis()).unwrap().display());
        until(&mut window, |window| window.query_by_label(&name).is_some());
        click(&mut window, &name);
        export(&here, &mut window, case);
    }
}

#[test]
fn a_basin_shows_the_line_and_the_verdict() {
    let (here, case) = (Folder::new(), &CASES[1]);
    here.by_the_runner(case);
    let mut window = here.window(case);
    here.choose(&mut window, case);
    click(&mut window, case.start);
    until(&mut window, |window| shows(window, "Export basin-line") && shows(window, "trained parameters"));
    // Untrained networks are as bad everywhere, so that the verdict is either.
    assert!(shows(&window, "no basin: ") || shows(&window, ")-basin"));
}

#[test]
fn the_trajectory_of_a_run_needs_no_network() {
    let (here, case) = (Folder::new(), &CASES[7]);
    let mut window = here.window(case);
    click(&mut window, "Selected run");
    click(&mut window, case.start);
    until(&mut window, |window| shows(window, "Export distance-sum_of_tensors"));
    assert!(shows(&window, "to the start: global"));
}
