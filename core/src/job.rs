//! What a long piece of work is given: where to compute, whom to tell, and when to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Device;

use crate::error::{Error, Result};
use crate::event::{Emit, Event};

/// The surroundings of a piece of work.
pub struct Job<'a> {
    /// Where tensors live.
    pub device: Device,
    /// Devices that share the images of a training step with the first.
    pub others: &'a [Device],
    /// Told everything as it happens.
    pub emit: &'a Emit<'a>,
    /// Asked between steps.
    pub stop: &'a Stop,
}

impl Job<'_> {
    /// All devices, the one where tensors live first.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        std::iter::once(&self.device).chain(self.others)
    }

    /// Tells the outside.
    pub fn emit(&self, event: Event) {
        (self.emit)(event);
    }

    /// Ends the work early if somebody asked for it.
    ///
    /// # Errors
    /// [`Error::Interrupted`] with the signal.
    pub fn check(&self) -> Result<()> {
        match self.stop.signal() {
            0 => Ok(()),
            signal => Err(Error::Interrupted { signal }),
        }
    }
}

/// A request to stop, made by a signal handler or by another thread.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Number of the signal that asked, 0 for none.
    pub fn signal(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// What a signal handler sets to the signal's number.
    pub fn flag(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }
}
