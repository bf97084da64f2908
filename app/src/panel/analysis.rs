//! An analysis in a panel: computed by a job or read from disk, and known as far as it has got.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use basin_core::analysis::record::Stored;
use basin_core::error::Result;
use basin_core::event::Event;
use basin_core::job::Job;
use egui::{Context, Ui};

use crate::background::Slot;
use crate::context::Cx;
use crate::queue::Ticket;
use crate::widget::picker::short;
use crate::widget::{hint, job, problem};

/// How many of the last notes of a job are shown.
const NOTES: usize = 3;

/// A result, whole or as far as it has got, and what is under way.
pub struct Analysis<T> {
    value: Option<T>,
    folder: Option<PathBuf>,
    ticket: Option<Ticket<(T, PathBuf)>>,
    stored: Slot<T>,
    /// What the job has so far, if that is news.
    so_far: Arc<Mutex<Option<T>>>,
    notes: Vec<String>,
    version: u64,
}

impl<T> Default for Analysis<T> {
    fn default() -> Self {
        Self {
            value: None,
            folder: None,
            ticket: None,
            stored: Slot::default(),
            so_far: Arc::default(),
            notes: Vec::new(),
            version: 0,
        }
    }
}

impl<T: Stored + Clone + Send + 'static> Analysis<T> {
    /// Computes it in the queue. The work is given who is shown what it has so far, and the job.
    pub fn start(
        &mut self,
        context: &Context,
        cx: &mut Cx,
        title: impl Into<String>,
        work: impl FnOnce(&dyn Fn(&T), &Job) -> Result<(T, PathBuf)> + Send + 'static,
    ) {
        self.forget();
        let (place, context) = (Arc::clone(&self.so_far), context.clone());
        self.ticket = Some(cx.compute(title, move |job| {
            let watch = |so_far: &T| {
                *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(so_far.clone());
                context.request_repaint();
            };
            work(&watch, job)
        }));
    }

    /// Reads it from its folder.
    pub fn open(&mut self, context: &Context, folder: PathBuf) {
        self.forget();
        self.folder = Some(folder.clone());
        self.stored.start(context, move || T::load(&folder));
    }

    /// Draws how far it is and what went wrong, and takes what has come.
    pub fn ui(&mut self, ui: &mut Ui, base: &Path) {
        for event in self.ticket.iter().flat_map(Ticket::events) {
            if let Event::Note(note) = event {
                self.notes.push(note);
            }
        }
        if let Some((value, folder)) = job::job(ui, &mut self.ticket) {
            // What there was before the whole is no news any more.
            self.so_far = Arc::default();
            (self.value, self.folder, self.version) = (Some(value), Some(folder), self.version + 1);
        }
        if let Some(so_far) = self.so_far.lock().unwrap_or_else(PoisonError::into_inner).take() {
            (self.value, self.version) = (Some(so_far), self.version + 1);
        }
        if self.stored.poll() {
            (self.value, self.version) = (self.stored.value().cloned(), self.version + 1);
        }
        if let Some(error) = self.stored.error() {
            problem(ui, error);
        }
        let first = self.notes.len().saturating_sub(NOTES);
        self.notes.drain(..first);
        self.notes.iter().for_each(|note| hint(ui, note));
        if let (Some(folder), Some(_)) = (&self.folder, &self.value) {
            hint(ui, &format!("In {}", short(base, folder)));
        }
    }

    /// What is known.
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Changes with the value.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether it waits or computes.
    pub fn is_open(&self) -> bool {
        job::is_open(&self.ticket)
    }

    /// Whether it was stopped, or failed.
    pub fn is_broken_off(&self) -> bool {
        self.ticket.is_some() && !self.is_open()
    }

    /// Asks the job to stop.
    pub fn cancel(&self) {
        if let Some(ticket) = &self.ticket {
            ticket.job.cancel();
        }
    }

    fn forget(&mut self) {
        *self = Self { version: self.version + 1, ..Self::default() };
    }
}
