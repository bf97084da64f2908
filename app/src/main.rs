//! Starts the desktop program.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use basin_app::app::App;
use basin_app::settings::Settings;
use basin_core::config::Registry;
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
    /// Folder with families of your own, *.ron.
    #[arg(long, env = "BASIN_CONFIGS", value_name = "FOLDER")]
    configs: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let registry = Arc::new(arguments.configs.as_deref().map_or_else(Registry::load, Registry::with_folder)?);
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
        let mut app = App::new(&creation.egui_ctx, settings, registry);
        if let Some(file) = file {
            app.open_checkpoint(file);
        }
        Ok(Box::new(app))
    };
    eframe::run_native("Basin", options, Box::new(start)).map_err(|error| {
        anyhow!("no window can be opened: {error}; start it on a desktop, or use the runner's commands")
    })
}
