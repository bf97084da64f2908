//! The window in tests: over a run that has settings and nothing else.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use basin_core::config::{Experiment, Registry};
use basin_core::run::{RunDir, RunRecord};
use eframe::CreationContext;
use egui::vec2;
use egui_kittest::Harness;

use crate::app::App;
use crate::panel::Tab;
use crate::runs::Beside;
use crate::settings::Settings;

/// Settings of a key with small drawn images.
pub fn experiment(key: &str) -> Experiment {
    let mut experiment = Registry::load().unwrap().get(key).unwrap();
    let configs = &mut experiment.data.configs;
    (configs.image_size, configs.pre_crop_size) = (16, 20);
    (configs.train_per_class, configs.test_per_class) = (Some(2), Some(2));
    configs.subsample = None;
    experiment
}

/// Writes a run's settings below a base folder.
pub fn write_run(base: &Path, experiment: &Experiment) -> RunDir {
    let run = RunDir::new(base, &experiment.key);
    let record = RunRecord {
        experiment: experiment.clone(),
        replicate: 0,
        device: String::new(),
        versions: Default::default(),
        data_digests: Default::default(),
        pretrained_sha256: None,
    };
    run.write_record(&record).unwrap();
    run
}

/// The window at a panel, with all runs of a base folder selected and read.
pub fn window(base: &Path, tab: Tab) -> Harness<'static, App> {
    let settings = Settings { base: base.to_owned(), tab, device: "cpu".to_owned(), ..Settings::default() };
    let registry = Arc::new(Registry::load().unwrap());
    let start = move |creation: &mut CreationContext| App::new(&creation.egui_ctx, settings, registry);
    let mut harness = Harness::builder().with_size(vec2(1400.0, 1400.0)).build_eframe(start);
    until(&mut harness, "the list of runs", |app| app.runs.count().is_some());
    let runs: Vec<_> = harness.state().runs.shown().iter().flat_map(|group| group.runs.clone()).collect();
    harness.state_mut().runs.select(&runs, Beside::Nothing);
    harness.step();
    harness
}

/// Draws the window until it is in a state.
#[track_caller]
pub fn until(harness: &mut Harness<App>, what: &str, is_there: impl Fn(&App) -> bool) {
    for _ in 0..1000 {
        harness.step();
        if is_there(harness.state()) {
            // What the state says is drawn after the step that reached it.
            harness.step();
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not come");
}
