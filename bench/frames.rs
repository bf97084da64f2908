//! Times the window's frames with 500 runs and 20 curves of 400 points while a network is trained beside it; needs a display.
//!
//! Run: cargo run --release --workspace --example frames -- SECONDS [DEVICE]
//!
//! RAYON_NUM_THREADS=1 leaves a core to the window where the job computes on the CPU. Prints a JSON object: milliseconds of the
//! processor for a frame (layout, tessellation, and handing it to the GPU), the median, the 99th percentile and the largest.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use basin_app::app::App;
use basin_app::queue::Ticket;
use basin_app::settings::Settings;
use basin_core::config::Registry;
use basin_core::device::Choice;
use basin_core::run::{RunDir, RunRecord};
use basin_core::train::launch::{Existing, Outcome, TrainRequest, launch};
use eframe::{CreationContext, Frame, NativeOptions};
use egui::{Context, Event, RawInput, Ui, ViewportBuilder, ViewportCommand, pos2, vec2};

const RUNS: usize = 500;
const SELECTED: usize = 20;
const EPOCHS: usize = 400;
/// Frames before everything is read.
const WARM_UP: Duration = Duration::from_secs(5);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let seconds =
        arguments.get(1).and_then(|text| text.parse().ok()).expect("usage: frames SECONDS [DEVICE]");
    let device = arguments.get(2).map_or("cpu", String::as_str).parse::<Choice>().expect("a device");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let base = folder.path().join("experiments");
    write_runs(&base);
    let options = NativeOptions {
        viewport: ViewportBuilder::default().with_inner_size(vec2(1360.0, 860.0)),
        persist_window: false,
        ..NativeOptions::default()
    };
    let start = move |creation: &CreationContext| -> Result<Box<dyn eframe::App>, _> {
        let settings = Settings { base, panel: "Curves".to_owned(), ..Settings::default() };
        let registry = Arc::new(Registry::load().expect("the program's keys"));
        let mut app = App::new(&creation.egui_ctx, settings, Arc::clone(&registry));
        let job_base = folder.path().join("job");
        let training = app.submit("training", device, move |job| {
            let experiment = registry.get("demo/Shapes_photo/fixup_resnet18/pretrain")?;
            let existing = Existing::Resume;
            launch(&TrainRequest { experiment, base: job_base, work_dir: None, replicate: 0, existing }, job)
        });
        let (begun, length) = (Instant::now(), Duration::from_secs(seconds));
        Ok(Box::new(Measured { app, training, begun, length, frames: Vec::new(), _folder: folder }))
    };
    eframe::run_native("frames", options, Box::new(start)).expect("a display");
}

/// Runs with a curve each.
fn write_runs(base: &Path) {
    let registry = Registry::load().expect("the program's keys");
    let experiment = registry.get("demo/Shapes_clipart/fixup_resnet18/scratch").expect("a key");
    for number in 0..RUNS {
        let key = format!("sweep/{:02}/run{number:03}", number / SELECTED);
        let run = RunDir::new(base, &key);
        std::fs::create_dir_all(run.root()).expect("a folder");
        let mut experiment = experiment.clone();
        (experiment.key, experiment.train.epochs) = (key, EPOCHS);
        let record = RunRecord {
            experiment,
            replicate: 0,
            device: "cpu".to_owned(),
            earlier_devices: Vec::new(),
            versions: [].into(),
            data_digests: [].into(),
            pretrained_sha256: None,
        };
        run.write_record(&record).expect("a record");
        let accuracy =
            |epoch: usize| 80.0 - 60.0 / (1.0 + epoch as f64 / 40.0) + ((epoch * 7919 + number) % 13) as f64;
        let line = |epoch: usize| format!("{{\"epoch\":{epoch},\"eval/test_acc\":{}}}\n", accuracy(epoch));
        std::fs::write(run.metrics(), (0..=EPOCHS).map(line).collect::<String>()).expect("metrics");
    }
}

/// The window with a clock.
struct Measured {
    app: App,
    training: Ticket<Outcome>,
    begun: Instant,
    length: Duration,
    frames: Vec<f32>,
    _folder: tempfile::TempDir,
}

impl eframe::App for Measured {
    fn logic(&mut self, context: &Context, frame: &mut Frame) {
        self.app.logic(context, frame);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut Frame) {
        let elapsed = self.begun.elapsed();
        if elapsed < WARM_UP {
            self.app.select_first(SELECTED);
        } else {
            self.frames.extend(frame.info().cpu_usage.map(|seconds| 1e3 * seconds));
        }
        self.app.ui(ui, frame);
        ui.ctx().request_repaint();
        if elapsed > WARM_UP + self.length && !self.frames.is_empty() {
            self.frames.sort_by(f32::total_cmp);
            let at = |share: f64| self.frames[((self.frames.len() - 1) as f64 * share) as usize];
            println!(
                "{{\"frames\": {}, \"median_ms\": {:.2}, \"p99_ms\": {:.2}, \"largest_ms\": {:.2}, \"job\": {:?}}}",
                self.frames.len(),
                at(0.5),
                at(0.99),
                at(1.0),
                format!("{:?}", self.training.job.phase()),
            );
            self.begun = Instant::now();
            ui.ctx().send_viewport_cmd(ViewportCommand::Close);
        }
    }

    /// Moves the pointer over the curves, which looks for the nearest point in each frame.
    fn raw_input_hook(&mut self, _: &Context, input: &mut RawInput) {
        let phase = self.begun.elapsed().as_secs_f32();
        let at = pos2(850.0 + 400.0 * phase.sin(), 450.0 + 200.0 * (1.7 * phase).cos());
        input.events.push(Event::PointerMoved(at));
    }

    fn on_exit(&mut self) {
        self.app.on_exit();
    }
}
