//! The window: what it holds, and what is drawn where.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use basin_core::config::Registry;
use basin_core::device::{Choice, Hardware, list};
use basin_core::error::Result;
use basin_core::job::Job;
use basin_core::run::Located;
use egui::{CentralPanel, Context, Panel, Ui};

use crate::background::Slot;
use crate::context::{Command, Cx, Dialogs};
use crate::panel::{Panels, Tab};
use crate::queue::{Queue, Ticket};
use crate::runs::{Beside, Runs};
use crate::settings::Settings;
use crate::shell::{keys, side, status, tabs, welcome};
use crate::widget::export::Export;

/// The whole program.
pub struct App {
    pub(crate) settings: Settings,
    pub(crate) runs: Runs,
    pub(crate) queue: Queue,
    pub(crate) panels: Panels,
    pub(crate) export: Export,
    pub(crate) dialogs: Dialogs,
    pub(crate) side: side::Side,
    pub(crate) welcome: welcome::Welcome,
    /// The devices of this machine.
    pub(crate) devices: Slot<Vec<Hardware>>,
    /// The last sentence of the status bar.
    pub(crate) message: String,
}

impl App {
    /// Opens the folder that the settings name.
    pub fn new(context: &Context, settings: Settings, registry: Arc<Registry>) -> Self {
        context.set_theme(settings.theme);
        let mut devices = Slot::default();
        devices.start(context, || Ok(list()));
        let runs = Runs::open(settings.base.clone(), settings.filter.clone(), registry, context);
        Self {
            settings,
            runs,
            queue: Queue::new(context),
            panels: Panels::default(),
            export: Export::default(),
            dialogs: Dialogs::default(),
            side: side::Side::default(),
            welcome: welcome::Welcome::default(),
            devices,
            message: String::new(),
        }
    }

    /// Looks at a checkpoint.
    pub fn open_checkpoint(&mut self, path: PathBuf) {
        self.panels.checkpoint.open(path);
        self.settings.tab = Tab::Checkpoint;
    }

    /// Shows the runs of a folder.
    pub fn open_folder(&mut self, context: &Context, base: &Path) {
        self.settings.base = base.to_owned();
        self.runs = Runs::open(base.to_owned(), String::new(), self.runs.shared_registry(), context);
        self.panels = Panels::default();
    }

    /// Adds a job to the window's queue.
    pub fn submit<T: Send + 'static>(
        &mut self,
        title: &str,
        device: Choice,
        work: impl FnOnce(&Job) -> Result<T> + Send + 'static,
    ) -> Ticket<T> {
        self.queue.submit(title, device, work)
    }

    /// Selects the first keys of the list.
    pub fn select_first(&mut self, count: usize) {
        let runs: Vec<Located> =
            self.runs.shown().iter().take(count).flat_map(|group| group.runs.clone()).collect();
        self.runs.select(&runs, Beside::Nothing);
    }

    /// The device that jobs compute on.
    pub fn device(&self) -> Choice {
        self.settings.device.parse().unwrap_or_default()
    }

    /// Takes files and folders that were dropped on the window.
    fn take_dropped(&mut self, context: &Context) {
        let dropped = context.input_mut(|input| std::mem::take(&mut input.raw.dropped_files));
        for path in dropped.iter().map(|file| file.path().to_owned()) {
            match path.is_dir() {
                true => self.open_folder(context, &path),
                false => self.open_checkpoint(path),
            }
        }
    }

    fn obey(&mut self, context: &Context, command: Command) {
        match command {
            Command::OpenCheckpoint(path) => self.open_checkpoint(path),
            Command::OpenFolder(path) => self.open_folder(context, &path),
            Command::Say(sentence) => self.message = sentence,
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, context: &Context, _: &mut eframe::Frame) {
        self.runs.update(context);
        if let Some(news) = self.export.news() {
            self.message = news;
        }
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        let context = ui.ctx().clone();
        keys::obey(self, &context);
        self.take_dropped(&context);
        Panel::top("tabs").show(ui, |ui| tabs::ui(self, ui));
        Panel::bottom("status").show(ui, |ui| status::ui(self, ui));
        Panel::left("runs").default_size(340.0).min_size(200.0).show(ui, |ui| side::ui(self, ui));
        let mut commands = Vec::new();
        CentralPanel::default().show(ui, |ui| {
            let device = self.device();
            let mut cx = Cx {
                runs: &mut self.runs,
                queue: &mut self.queue,
                device,
                export: &mut self.export,
                dialogs: &mut self.dialogs,
                commands: &mut commands,
            };
            let is_empty = cx.runs.count().is_none_or(|count| count == 0);
            if is_empty && self.settings.tab != Tab::Checkpoint {
                self.welcome.ui(ui, &mut cx);
            } else {
                self.panels.ui(self.settings.tab, ui, &mut cx);
            }
        });
        commands.into_iter().for_each(|command| self.obey(&context, command));
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.settings.filter = self.runs.filter().0.to_owned();
        eframe::set_value(storage, eframe::APP_KEY, &self.settings);
    }

    fn on_exit(&mut self) {
        self.queue.close();
    }
}
