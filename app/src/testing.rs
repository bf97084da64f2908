//! What tests of the window share: runs that nobody trained, the whole window or one panel over them, and patience.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use basin_core::config::{Experiment, Registry};
use basin_core::device::Choice;
use basin_core::run::{RunDir, RunRecord, replicate_base};
use eframe::CreationContext;
use egui::{Ui, vec2};
use egui_kittest::Harness;

use crate::app::App;
use crate::context::{Cx, Dialogs};
use crate::panel::Tab;
use crate::queue::Queue;
use crate::runs::{Beside, Runs};
use crate::settings::Settings;
use crate::widget::export::Export;

/// How long a test waits for the background.
const PATIENCE: Duration = Duration::from_secs(120);

/// Settings of a key with few small drawn images.
pub fn experiment(key: &str) -> Experiment {
    let mut experiment = Registry::load().unwrap().get(key).unwrap();
    let configs = &mut experiment.data.configs;
    (configs.image_size, configs.pre_crop_size) = (16, 20);
    (configs.train_per_class, configs.test_per_class) = (Some(2), Some(2));
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
        versions: [].into(),
        data_digests: [].into(),
        pretrained_sha256: None,
    };
    run.write_record(&record).unwrap();
    run
}

/// The window over a base folder.
pub fn window(base: &Path, tab: Tab) -> Harness<'static, App> {
    let settings = Settings { base: base.to_owned(), tab, device: "cpu".to_owned(), ..Settings::default() };
    let registry = Arc::new(Registry::load().unwrap());
    let start = move |creation: &mut CreationContext| App::new(&creation.egui_ctx, settings, registry);
    Harness::builder().with_size(vec2(1400.0, 1400.0)).build_eframe(start)
}

/// The window at a panel, with all runs of a base folder selected.
pub fn window_of_all(base: &Path, tab: Tab) -> Harness<'static, App> {
    let mut harness = window(base, tab);
    until_app(&mut harness, |app| app.runs.count().is_some());
    select_all(&mut harness.state_mut().runs);
    harness.step();
    harness
}

/// A panel without a window, and what it is given.
pub struct Stage<P> {
    pub panel: P,
    base: PathBuf,
    parts: Option<Parts>,
}

struct Parts {
    runs: Runs,
    queue: Queue,
    export: Export,
    dialogs: Dialogs,
}

/// Puts a panel over a base folder.
pub fn stage<P: 'static>(
    panel: P,
    base: &Path,
    draw: fn(&mut P, &mut Ui, &mut Cx),
) -> Harness<'static, Stage<P>> {
    let show = move |ui: &mut Ui, stage: &mut Stage<P>| {
        let parts = stage.parts.get_or_insert_with(|| Parts {
            runs: Runs::open(
                stage.base.clone(),
                String::new(),
                Arc::new(Registry::load().unwrap()),
                ui.ctx(),
            ),
            queue: Queue::new(ui.ctx()),
            export: Export::default(),
            dialogs: Dialogs::default(),
        });
        parts.runs.update(ui.ctx());
        let mut cx = Cx {
            runs: &mut parts.runs,
            queue: &mut parts.queue,
            device: Choice::Cpu,
            export: &mut parts.export,
            dialogs: &mut parts.dialogs,
            commands: &mut Vec::new(),
        };
        draw(&mut stage.panel, ui, &mut cx);
    };
    let builder = Harness::builder().with_size(vec2(1300.0, 2400.0));
    builder.build_ui_state(show, Stage { panel, base: base.to_owned(), parts: None })
}

/// Puts a panel over a base folder in which all runs are selected.
pub fn stage_of_all<P: 'static>(
    panel: P,
    base: &Path,
    draw: fn(&mut P, &mut Ui, &mut Cx),
) -> Harness<'static, Stage<P>> {
    let mut harness = stage(panel, base, draw);
    until(&mut harness, |harness| {
        harness.state().parts.as_ref().is_some_and(|parts| parts.runs.count().is_some())
    });
    select_all(&mut harness.state_mut().parts.as_mut().unwrap().runs);
    harness
}

fn select_all(runs: &mut Runs) {
    let all: Vec<_> = runs.shown().iter().flat_map(|group| group.runs.clone()).collect();
    runs.select(&all, Beside::Nothing);
}

/// Draws until something holds; the background needs time.
#[track_caller]
pub fn until<'a, S>(harness: &mut Harness<'a, S>, holds: impl Fn(&Harness<'a, S>) -> bool) {
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

/// Draws until the window's state is so, and once more, since that draws it.
#[track_caller]
pub fn until_app(harness: &mut Harness<'_, App>, is_so: impl Fn(&App) -> bool) {
    until(harness, |harness| is_so(harness.state()));
    harness.step();
}

/// The same of a panel on a stage.
#[track_caller]
pub fn until_panel<P>(harness: &mut Harness<'_, Stage<P>>, is_so: impl Fn(&P) -> bool) {
    until(harness, |harness| is_so(&harness.state().panel));
    harness.step();
}
