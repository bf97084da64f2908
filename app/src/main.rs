//! Starts the desktop program.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use basin_app::app::App;
use basin_app::settings::Settings;
use basin_core::config::Registry;
use basin_core::device::{Choice, describe};
use basin_core::doctor;
use basin_core::event::Event;
use basin_core::job::{Job, Stop};
use basin_core::model::Arch;
use clap::Parser;
use eframe::NativeOptions;
use egui::{ViewportBuilder, vec2};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Shows runs and checkpoints, and analyses them.
#[derive(Debug, Parser)]
#[command(name = "app", version)]
struct Arguments {
    /// A folder of runs, or a checkpoint; the folder of the last time unless named.
    path: Option<PathBuf>,
    /// Opens no window, but compares every shape of fixup_resnet18 on the device with the CPU, forward and backward.
    #[arg(long)]
    self_test: bool,
    /// Where to compute: auto, cpu, wgpu, and vulkan or cuda, also with a number, where they are built in.
    #[arg(long, value_name = "DEVICE")]
    device: Option<Choice>,
    /// Folder with families of your own, *.ron.
    #[arg(long, env = "BASIN_CONFIGS", value_name = "FOLDER")]
    configs: Option<PathBuf>,
}

/// Side of the images of the self-test, pixels, how many there are, and classes.
const TESTED: (usize, usize, usize) = (32, 2, 10);

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.self_test {
        return self_test(arguments.device.unwrap_or_default());
    }
    let mut registry = Registry::load()?;
    if let Some(folder) = &arguments.configs {
        registry = registry.with_folder(folder)?;
    }
    let options = NativeOptions {
        viewport: ViewportBuilder::default().with_inner_size(vec2(1360.0, 860.0)).with_app_id("basin"),
        ..NativeOptions::default()
    };
    let start = move |creation: &eframe::CreationContext| -> Result<Box<dyn eframe::App>, _> {
        let mut settings: Settings = creation
            .storage
            .and_then(|storage| eframe::get_value(storage, eframe::APP_KEY))
            .unwrap_or_default();
        let (folder, file) = match arguments.path {
            Some(path) if path.is_file() => (None, Some(path)),
            path => (path, None),
        };
        if let Some(folder) = folder {
            settings.base = folder;
        }
        if let Some(device) = arguments.device {
            settings.device = device.to_string();
        }
        let mut app = App::new(&creation.egui_ctx, settings, Arc::new(registry));
        if let Some(file) = file {
            app.open_checkpoint(file);
        }
        Ok(Box::new(app))
    };
    eframe::run_native("Basin", options, Box::new(start)).map_err(|error| {
        anyhow!("no window can be opened: {error}; start it on a desktop, or use the runner's commands")
    })
}

/// Prints each shape with its errors, and fails if one is off.
fn self_test(device: Choice) -> Result<()> {
    let (size, batch, classes) = TESTED;
    let device = device.open()?;
    let hardware = describe(&device);
    eprintln!("checking {hardware}");
    let emit = |event: Event| {
        if let Event::Progress { what, done, total, .. } = event {
            eprintln!("{} of {total}: {what}", done + 1);
        }
    };
    let job = Job { device, others: &[], emit: &emit, stop: &Stop::default() };
    let shapes = doctor::check(&Arch::new("fixup_resnet18", classes)?, size, batch, &job)?;
    print!("{}", doctor::table(&shapes).text());
    Ok(doctor::verdict(&hardware, &shapes)?)
}
