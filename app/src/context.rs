//! The window's state, and the part of it that a panel is given to be drawn. Data flow one way: panels and the shell read the
//! state and push commands; `App` executes these and so changes the state.

use std::sync::Arc;

use basin_core::config::Registry;
use basin_core::device::Hardware;
use basin_core::error::Result;
use basin_core::job::Job;
use egui::Context;

use crate::background::Slot;
use crate::command::Command;
use crate::dialogs::Dialogs;
use crate::queue::{Queue, Task, Ticket};
use crate::runs::Runs;
use crate::settings::Settings;

/// The window's state, without what each panel keeps for itself.
pub struct Workspace {
    /// What is remembered between starts.
    pub settings: Settings,
    /// The runs of the open folder, and which are selected.
    pub runs: Runs,
    /// The jobs.
    pub queue: Queue,
    /// The system's dialogs.
    pub dialogs: Dialogs,
    /// The devices of this machine, once they are known.
    pub devices: Slot<Vec<Hardware>>,
    /// The last sentence of the status bar.
    pub message: String,
}

impl Workspace {
    /// Opens the folder that the settings name.
    pub fn new(context: &Context, settings: Settings, registry: Arc<Registry>) -> Self {
        Self {
            runs: Runs::open(settings.base.clone(), settings.filter.clone(), registry, context),
            settings,
            queue: Queue::new(context),
            dialogs: Dialogs::default(),
            devices: Slot::default(),
            message: String::new(),
        }
    }

    /// Takes what the background has found since the last frame.
    pub fn update(&mut self, context: &Context) {
        self.runs.update(context);
        self.dialogs.update();
        self.devices.poll();
    }
}

/// What a panel reads, and the commands that it pushes.
pub struct Cx<'a> {
    /// The runs, and which are selected.
    pub runs: &'a Runs,
    /// The answers of dialogs that were asked for by a command.
    pub dialogs: &'a Dialogs,
    /// What the window shall do after the frame.
    pub commands: &'a mut Vec<Command>,
}

impl<'a> Cx<'a> {
    /// Of a window's state.
    pub fn new(workspace: &'a Workspace, commands: &'a mut Vec<Command>) -> Self {
        Self { runs: &workspace.runs, dialogs: &workspace.dialogs, commands }
    }

    /// Asks for a job on the chosen device. The ticket gives access to its progress and its result.
    pub fn compute<T: Send + 'static>(
        &mut self,
        title: impl Into<String>,
        work: impl FnOnce(&Job) -> Result<T> + Send + 'static,
    ) -> Ticket<T> {
        let (task, ticket) = Task::new(title, work);
        self.commands.push(Command::Compute(task));
        ticket
    }
}
