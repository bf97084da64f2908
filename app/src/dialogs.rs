//! The system's file dialogs, one at a time, beside the window's thread.

use std::cell::RefCell;
use std::path::PathBuf;

use basin_core::checkpoint::endings;
use egui::{Context, Id};

use crate::background::Slot;

/// The dialog that is open, or the answer that waits for the widget that asked.
#[derive(Default)]
pub struct Dialogs {
    asked: Option<Id>,
    answer: Slot<Option<PathBuf>>,
    picked: RefCell<Option<(Id, PathBuf)>>,
}

impl Dialogs {
    /// Asks for a checkpoint on behalf of a widget.
    pub fn pick_checkpoint(&mut self, context: &Context, id: Id) {
        self.ask(context, id, |dialog| {
            // A dialog looks at the part of a name after its last dot.
            let last = |ending: &'static str| ending.rsplit('.').next().unwrap_or(ending);
            dialog.add_filter("checkpoints", &endings().map(last).collect::<Vec<_>>()).pick_file()
        });
    }

    /// Asks for a folder on behalf of a widget.
    pub fn pick_folder(&mut self, context: &Context, id: Id) {
        self.ask(context, id, rfd::FileDialog::pick_folder);
    }

    fn ask(&mut self, context: &Context, id: Id, pick: fn(rfd::FileDialog) -> Option<PathBuf>) {
        self.asked = Some(id);
        *self.picked.get_mut() = None;
        self.answer.start(context, move || Ok(pick(rfd::FileDialog::new())));
    }

    /// Takes the user's answer if it is there.
    pub fn update(&mut self) {
        if self.answer.poll() {
            let path = self.answer.value().cloned().flatten();
            *self.picked.get_mut() = self.asked.take().zip(path);
            self.answer.clear();
        }
    }

    /// What the user picked for this widget; once, since the widget keeps it.
    pub fn picked(&self, id: Id) -> Option<PathBuf> {
        let answer = self.picked.borrow_mut().take_if(|(asked, _)| *asked == id);
        answer.map(|(_, path)| path)
    }
}
