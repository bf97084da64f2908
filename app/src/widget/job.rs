//! A job in the panel that asked for it: how far it is, a button that stops it, why it failed.

use egui::Ui;

use super::problem;
use crate::queue::{Phase, Ticket};
use crate::shell::status::progress;

/// Draws the state of a job. Returns its result once it is there; a job that failed stays, so that its reason can be read.
pub fn job<T>(ui: &mut Ui, ticket: &mut Option<Ticket<T>>) -> Option<T> {
    let info = &ticket.as_ref()?.info;
    match info.phase() {
        Phase::Waiting | Phase::Running => {
            ui.horizontal(|ui| progress(ui, info));
            None
        }
        Phase::Done => ticket.take()?.take(),
        Phase::Cancelled => {
            ui.label("Cancelled; what was computed so far is kept.");
            None
        }
        Phase::Failed(reason) => {
            problem(ui, &reason);
            None
        }
    }
}

/// Whether a job waits or computes.
pub fn is_open<T>(ticket: &Option<Ticket<T>>) -> bool {
    ticket.as_ref().is_some_and(|ticket| ticket.info.is_open())
}
