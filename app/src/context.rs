//! What the window gives to each panel.

use std::path::PathBuf;

use basin_core::checkpoint::endings;
use basin_core::device::Choice;
use egui::{Context, Id};

use crate::background::Slot;
use crate::queue::Queue;
use crate::runs::Runs;
use crate::widget::export::Export;

/// The window's parts that panels work with.
pub struct Cx<'a> {
    /// The runs, and which are selected.
    pub runs: &'a mut Runs,
    /// Where long work goes.
    pub queue: &'a mut Queue,
    /// Where it computes.
    pub device: Choice,
    /// Writes figures.
    pub export: &'a mut Export,
    /// The system's dialogs.
    pub dialogs: &'a mut Dialogs,
    /// What the window is asked to do after the panel is drawn.
    pub commands: &'a mut Vec<Command>,
}

/// What a panel asks of the window.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Look at a checkpoint.
    OpenCheckpoint(PathBuf),
    /// Show the runs of another folder.
    OpenFolder(PathBuf),
    /// Say something in the status bar.
    Say(String),
}

/// The system's file dialogs, one at a time, beside the window's thread.
#[derive(Default)]
pub struct Dialogs {
    asked: Option<Id>,
    answer: Slot<Option<PathBuf>>,
}

impl Dialogs {
    /// Asks for a checkpoint.
    pub fn pick_checkpoint(&mut self, context: &Context, id: Id) {
        self.asked = Some(id);
        self.answer.start(context, || {
            // Dialogs know the part of a name after its last dot.
            let last = |ending: &'static str| ending.rsplit('.').next().unwrap_or(ending);
            let endings: Vec<&str> = endings().map(last).collect();
            Ok(rfd::FileDialog::new().add_filter("checkpoints", &endings).pick_file())
        });
    }

    /// Asks for a folder.
    pub fn pick_folder(&mut self, context: &Context, id: Id) {
        self.asked = Some(id);
        self.answer.start(context, || Ok(rfd::FileDialog::new().pick_folder()));
    }

    /// What was picked for the one that asked, once.
    pub fn picked(&mut self, id: Id) -> Option<PathBuf> {
        if self.asked != Some(id) || !self.answer.poll() {
            return None;
        }
        self.asked = None;
        let path = self.answer.value().cloned().flatten();
        self.answer.clear();
        path
    }
}
