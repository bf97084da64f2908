//! Reading files beside the window's thread. The window shows the last value until the new one is there.

use std::sync::mpsc::{Receiver, TryRecvError, channel};

use basin_core::error::Result;
use egui::Context;

/// A value that is read in the background. A new request replaces one that is not answered yet.
pub struct Slot<T> {
    value: Option<T>,
    error: Option<String>,
    pending: Option<Receiver<Result<T>>>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { value: None, error: None, pending: None }
    }
}

impl<T: Send + 'static> Slot<T> {
    /// Starts to read; the window is drawn again when the value is there.
    pub fn start(&mut self, context: &Context, read: impl FnOnce() -> Result<T> + Send + 'static) {
        let (sender, receiver) = channel();
        let context = context.clone();
        self.pending = Some(receiver);
        // A thread of its own: reading waits for the disk, which rayon's threads must not. If none can be had, the channel
        // closes, and `poll` says so.
        let thread = std::thread::Builder::new().name("reader".to_owned());
        let work = move || {
            // Nobody waits for an answer that was replaced.
            sender.send(read()).ok();
            context.request_repaint();
        };
        thread.spawn(work).ok();
    }

    /// Takes the answer if it is there, and returns whether it was.
    pub fn poll(&mut self) -> bool {
        let Some(pending) = &self.pending else { return false };
        match pending.try_recv() {
            Err(TryRecvError::Empty) => return false,
            Ok(Ok(value)) => (self.value, self.error) = (Some(value), None),
            Ok(Err(error)) => self.error = Some(error.to_string()),
            Err(TryRecvError::Disconnected) => {
                self.error = Some("reading ended without an answer; try again".to_owned());
            }
        }
        self.pending = None;
        true
    }

    /// The last value that was read.
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The error of the last request, if it failed.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Whether an answer is awaited.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Forgets everything, and the answer that is awaited.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
