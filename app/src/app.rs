//! The window as a whole, and the one place that executes the commands of panels and shell.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use basin_core::config::Registry;
use basin_core::device::{Choice, list};
use basin_core::error::Result;
use basin_core::job::Job;
use basin_core::run::Located;
use egui::{Context, Ui};

use crate::background::Slot;
use crate::command::Command;
use crate::context::Workspace;
use crate::panel::{CheckpointPanel, Panel as _, Panels};
use crate::queue::{Task, Ticket};
use crate::runs::{Beside, Runs};
use crate::settings::Settings;
use crate::shell::Shell;

/// The window: its state, its panels, and what surrounds them.
pub struct App {
    pub(crate) workspace: Workspace,
    pub(crate) panels: Panels,
    shell: Shell,
    /// The figure that is being written: its path without ending.
    exported: Slot<PathBuf>,
}

impl App {
    /// Opens the folder that the settings name.
    pub fn new(context: &Context, settings: Settings, registry: Arc<Registry>) -> Self {
        context.set_theme(settings.theme);
        let mut workspace = Workspace::new(context, settings, registry);
        workspace.devices.start(context, || Ok(list()));
        Self { workspace, panels: Panels::default(), shell: Shell::default(), exported: Slot::default() }
    }

    /// Shows a checkpoint in its panel.
    pub fn open_checkpoint(&mut self, path: PathBuf) {
        if let Some(panel) = self.panels.of_type_mut::<CheckpointPanel>() {
            panel.open(path);
            self.workspace.settings.panel = panel.title().to_owned();
        }
    }

    /// Adds a job to the queue.
    pub fn submit<T: Send + 'static>(
        &mut self,
        title: &str,
        device: Choice,
        work: impl FnOnce(&Job) -> Result<T> + Send + 'static,
    ) -> Ticket<T> {
        let (task, ticket) = Task::new(title, work);
        self.workspace.queue.add(task, device);
        ticket
    }

    /// Selects the first keys of the list.
    pub fn select_first(&mut self, count: usize) {
        let runs = &mut self.workspace.runs;
        let first: Vec<Located> =
            runs.shown().iter().take(count).flat_map(|group| group.runs.clone()).collect();
        runs.select(&first, Beside::Nothing);
    }

    fn open_folder(&mut self, context: &Context, base: &Path) {
        let registry = self.workspace.runs.shared_registry();
        self.workspace.settings.base = base.to_owned();
        self.workspace.runs = Runs::open(base.to_owned(), String::new(), registry, context);
        self.panels = Panels::default();
    }

    /// Executes a command.
    fn execute(&mut self, context: &Context, command: Command) {
        let workspace = &mut self.workspace;
        match command {
            Command::ShowPanel(title) => workspace.settings.panel = title.to_owned(),
            Command::OpenCheckpoint(path) => self.open_checkpoint(path),
            Command::OpenFolder(path) => self.open_folder(context, &path),
            Command::PickCheckpoint(id) => workspace.dialogs.pick_checkpoint(context, id),
            Command::PickFolder(id) => workspace.dialogs.pick_folder(context, id),
            Command::Select(runs, beside) => workspace.runs.select(&runs, beside),
            Command::StepSelection(by) => workspace.runs.step(by),
            Command::Filter(filter) => workspace.runs.set_filter(filter),
            Command::Compute(task) => workspace.queue.add(task, workspace.settings.device()),
            Command::Export(figure, stem) => {
                self.exported.start(context, move || figure.save(&stem).map(|()| stem));
            }
            Command::UseDevice(device) => workspace.settings.device = device,
            Command::UseTheme(theme) => {
                workspace.settings.theme = theme;
                context.set_theme(theme);
            }
            Command::Say(sentence) => workspace.message = sentence,
        }
    }
}

/// Opens files and folders that were dropped on the window.
fn take_dropped(context: &Context, commands: &mut Vec<Command>) {
    let dropped = context.input_mut(|input| std::mem::take(&mut input.raw.dropped_files));
    commands.extend(dropped.iter().map(|file| match file.path() {
        path if path.is_dir() => Command::OpenFolder(path.to_owned()),
        path => Command::OpenCheckpoint(path.to_owned()),
    }));
}

impl eframe::App for App {
    fn logic(&mut self, context: &Context, _: &mut eframe::Frame) {
        self.workspace.update(context);
        if self.exported.poll() {
            let wrote = |stem: &PathBuf| format!("wrote {}.svg, .png and .csv", stem.display());
            let news = self.exported.error().map(str::to_owned).or(self.exported.value().map(wrote));
            self.workspace.message = news.unwrap_or_default();
        }
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        let context = ui.ctx().clone();
        let mut commands = Vec::new();
        take_dropped(&context, &mut commands);
        self.shell.ui(ui, &self.workspace, &mut self.panels, &mut commands);
        if !commands.is_empty() {
            // The frame shows what was before them.
            context.request_repaint();
        }
        commands.into_iter().for_each(|command| self.execute(&context, command));
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        let workspace = &mut self.workspace;
        workspace.settings.filter = workspace.runs.filter().0.to_owned();
        eframe::set_value(storage, eframe::APP_KEY, &workspace.settings);
    }

    fn on_exit(&mut self) {
        self.workspace.queue.close();
    }
}
