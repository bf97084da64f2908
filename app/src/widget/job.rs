//! A job in the panel that asked for it: its progress, a button that cancels it, and its error.

use basin_core::number;
use egui::{ProgressBar, Ui};

use super::problem;
use crate::queue::{JobHandle, Phase, Ticket};

/// Draws the state of a job, and returns its result once it is there. A job that failed stays, so that its error can be read.
pub fn job<T>(ui: &mut Ui, ticket: &mut Option<Ticket<T>>) -> Option<T> {
    let handle = &ticket.as_ref()?.job;
    match handle.phase() {
        Phase::Waiting | Phase::Running => {
            ui.horizontal(|ui| progress(ui, handle));
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
    ticket.as_ref().is_some_and(|ticket| ticket.job.is_open())
}

/// Draws the progress of a job, the time left, and a button that cancels it; nothing for a job that has ended.
pub fn progress(ui: &mut Ui, job: &JobHandle) {
    match job.phase() {
        Phase::Waiting => drop(ui.label("waits for the job before it")),
        Phase::Running => {
            let progress = job.progress();
            let text = progress.as_ref().map_or("starting".to_owned(), |progress| {
                let left =
                    progress.left().map(|left| format!(", {} left", number::duration(left.as_secs_f64())));
                format!("{}{}", progress.what, left.unwrap_or_default())
            });
            let share = progress.map_or(0.0, |progress| progress.share);
            ui.add(ProgressBar::new(share).desired_width(220.0).text(text));
        }
        _ => return,
    }
    if ui.button("Cancel").clicked() {
        job.cancel();
    }
}
