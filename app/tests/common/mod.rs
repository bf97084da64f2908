//! A folder of runs, and the window over it, without a screen.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use basin_app::app::App;
use basin_app::settings::Settings;
use basin_core::config::Registry;
use basin_core::run::{RunDir, RunRecord, replicate_base};
use egui_kittest::Harness;
use tempfile::TempDir;

/// How long a test waits for the background.
const PATIENCE: Duration = Duration::from_secs(60);

/// A base folder.
pub struct Base(TempDir);

impl Base {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("experiments")).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.0.path().join("experiments")
    }

    /// A run with these test accuracies, of so many epochs.
    pub fn run(&self, key: &str, replicate: u64, accuracies: &[f64], epochs: usize) -> RunDir {
        let registry = Registry::load().unwrap();
        let mut experiment = registry.get("demo/Shapes_clipart/fixup_resnet18/scratch").unwrap();
        key.clone_into(&mut experiment.key);
        experiment.train.epochs = epochs;
        (experiment.seed.init, experiment.seed.order) = (replicate, replicate);
        let run = RunDir::new(&replicate_base(&self.path(), replicate), key);
        std::fs::create_dir_all(run.root()).unwrap();
        let record = RunRecord {
            experiment,
            replicate,
            device: "cpu".to_owned(),
            versions: [].into(),
            data_digests: [].into(),
            pretrained_sha256: None,
        };
        run.write_record(&record).unwrap();
        let line =
            |(epoch, value): (usize, &f64)| format!("{{\"epoch\":{epoch},\"eval/test_acc\":{value}}}\n");
        std::fs::write(run.metrics(), accuracies.iter().enumerate().map(line).collect::<String>()).unwrap();
        run
    }

    /// A run whose metrics are none.
    pub fn broken(&self, key: &str) {
        std::fs::write(self.run(key, 0, &[], 1).metrics(), "no metrics\n").unwrap();
    }

    /// A run with an event file that holds nothing that can be read.
    pub fn empty(&self, key: &str) {
        let run = self.run(key, 0, &[], 1);
        std::fs::remove_file(run.metrics()).unwrap();
        std::fs::create_dir(run.events()).unwrap();
        std::fs::write(run.events().join("events.out.tfevents.1.host"), [1, 2, 3]).unwrap();
    }
}

/// The window over a folder.
pub fn window(base: impl AsRef<Path>) -> Harness<'static, App> {
    let settings = Settings { base: base.as_ref().to_owned(), ..Settings::default() };
    let registry = Arc::new(Registry::load().unwrap());
    let builder = Harness::builder().with_size(egui::vec2(1360.0, 860.0));
    builder.build_eframe(move |creation| App::new(&creation.egui_ctx, settings, registry))
}

/// Draws until something holds; the background needs time.
#[track_caller]
pub fn until(window: &mut Harness<'static, App>, holds: impl Fn(&Harness<'static, App>) -> bool) {
    let start = Instant::now();
    loop {
        window.run_steps(1);
        if holds(window) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "the window shows: {:#?}", window.root());
        std::thread::sleep(Duration::from_millis(20));
    }
}
