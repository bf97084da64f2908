//! What tests of the window share: runs without training, the whole window or one panel over them, and waiting.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use basin_core::config::{Experiment, Registry};
use basin_core::run::{RunDir, RunRecord, replicate_base};
use eframe::CreationContext;
use egui::{Ui, vec2};
use egui_kittest::Harness;

use crate::app::App;
use crate::command::Command;
use crate::context::{Cx, Workspace};
use crate::panel::Panel;
use crate::runs::{Beside, Runs};
use crate::settings::Settings;

/// How long a test waits for the background.
const PATIENCE: Duration = Duration::from_secs(120);

/// Settings of a key with 20 drawn images of 16 x 16 pixels in each split.
pub fn experiment(key: &str) -> Experiment {
    let mut experiment = Registry::load().unwrap().get(key).unwrap();
    let configs = &mut experiment.data.configs;
    (configs.image_size, configs.pre_crop_size) = (16, 20);
    (configs.train_per_class, configs.test_per_class) = (Some(5), Some(2));
    configs.subsample = None;
    experiment
}

/// Writes a run's settings below a base folder or that of a replicate.
pub fn write_run(base: &Path, experiment: &Experiment, replicate: u64) -> RunDir {
    let run = RunDir::new(&replicate_base(base, replicate), &experiment.key);
    let record = RunRecord {
        experiment: experiment.clone(),
        replicate,
        device: "cpu".to_owned(),
        earlier_devices: Vec::new(),
        versions: [].into(),
        data_digests: [].into(),
        pretrained_sha256: None,
    };
    run.write_record(&record).unwrap();
    run
}

/// Settings of a window over a base folder that shows a panel.
fn settings(base: &Path, panel: &str) -> Settings {
    let panel = panel.to_owned();
    Settings { base: base.to_owned(), panel, device: "cpu".to_owned(), ..Settings::default() }
}

/// The window over a base folder, at the panel of a title.
pub fn window(base: &Path, panel: &str) -> Harness<'static, App> {
    let settings = settings(base, panel);
    let registry = Arc::new(Registry::load().unwrap());
    let start = move |creation: &mut CreationContext| App::new(&creation.egui_ctx, settings, registry);
    Harness::builder().with_size(vec2(1400.0, 1400.0)).build_eframe(start)
}

/// The window at a panel, with all runs of a base folder selected.
pub fn window_of_all(base: &Path, panel: &str) -> Harness<'static, App> {
    let mut harness = window(base, panel);
    until_app(&mut harness, |app| app.workspace.runs.count().is_some());
    select_all(&mut harness.state_mut().workspace.runs);
    harness.step();
    harness
}

/// A panel of the window.
pub fn panel<P: Panel>(app: &App) -> &P {
    app.panels.of_type().unwrap()
}

/// A panel of the window, to be changed.
pub fn panel_mut<P: Panel>(app: &mut App) -> &mut P {
    app.panels.of_type_mut().unwrap()
}

/// A panel without the rest of the window, and what it reads. Of its commands only computations are executed.
pub struct Stage<P> {
    pub panel: P,
    base: PathBuf,
    workspace: Option<Workspace>,
}

/// Puts a panel over a base folder.
pub fn stage<P: Panel>(panel: P, base: &Path) -> Harness<'static, Stage<P>> {
    let show = move |ui: &mut Ui, stage: &mut Stage<P>| {
        let workspace = stage.workspace.get_or_insert_with(|| {
            let registry = Arc::new(Registry::load().unwrap());
            Workspace::new(ui.ctx(), settings(&stage.base, ""), registry)
        });
        workspace.update(ui.ctx());
        let mut commands = Vec::new();
        stage.panel.ui(ui, &mut Cx::new(workspace, &mut commands));
        for command in commands {
            if let Command::Compute(task) = command {
                workspace.queue.add(task, workspace.settings.device());
            }
        }
    };
    let builder = Harness::builder().with_size(vec2(1300.0, 2400.0));
    builder.build_ui_state(show, Stage { panel, base: base.to_owned(), workspace: None })
}

/// Puts a panel over a base folder in which all runs are selected.
pub fn stage_of_all<P: Panel>(panel: P, base: &Path) -> Harness<'static, Stage<P>> {
    let mut harness = stage(panel, base);
    until(&mut harness, |harness| {
        harness.state().workspace.as_ref().is_some_and(|workspace| workspace.runs.count().is_some())
    });
    select_all(&mut harness.state_mut().workspace.as_mut().unwrap().runs);
    harness
}

fn select_all(runs: &mut Runs) {
    let all: Vec<_> = runs.shown().iter().flat_map(|group| group.runs.clone()).collect();
    runs.select(&all, Beside::Nothing);
}

/// Draws frames until a condition holds.
#[track_caller]
pub fn until<'a, S>(harness: &mut Harness<'a, S>, holds: impl Fn(&mut Harness<'a, S>) -> bool) {
    let start = Instant::now();
    loop {
        harness.run_steps(1);
        if holds(harness) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "the window shows: {:#?}", harness.root());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Draws frames until a condition on the window's state holds, and one more to show that state.
#[track_caller]
pub fn until_app(harness: &mut Harness<'_, App>, is_so: impl Fn(&App) -> bool) {
    until(harness, |harness| is_so(harness.state()));
    harness.step();
}

/// Draws frames until a condition on a panel's state holds, and one more to show that state.
#[track_caller]
pub fn until_panel<P>(harness: &mut Harness<'_, Stage<P>>, is_so: impl Fn(&P) -> bool) {
    until(harness, |harness| is_so(&harness.state().panel));
    harness.step();
}
