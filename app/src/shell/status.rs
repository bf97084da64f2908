//! The status bar: device and memory, the job that computes, and the last message.

use basin_core::device::{Choice, Kind};
use basin_core::number;
use egui::{ComboBox, ProgressBar, Ui};

use crate::app::App;
use crate::queue::{Info, Phase};
use crate::widget::problem;

/// Draws the bar.
pub fn ui(app: &mut App, ui: &mut Ui) {
    ui.horizontal(|ui| {
        device(app, ui);
        ui.separator();
        jobs(app, ui);
        if let Some(job) = app.queue.running().cloned() {
            ui.add(egui::Label::new(&job.title).truncate());
            progress(ui, &job);
        }
        ui.separator();
        ui.add(egui::Label::new(&app.message).truncate());
    });
}

/// Where jobs compute, and what that is.
fn device(app: &mut App, ui: &mut Ui) {
    app.devices.poll();
    let found = app.devices.value().cloned().unwrap_or_default();
    let combo = ComboBox::new("device", "Device").selected_text(&app.settings.device);
    combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut app.settings.device, "auto".to_owned(), "auto: the best there is");
        for hardware in &found {
            let text = hardware.to_string();
            ui.selectable_value(&mut app.settings.device, hardware.choice.to_string(), text);
        }
    });
    let chosen = app.device();
    let used = app.queue.used();
    let shown = used.as_ref().map(|used| &used.hardware).or_else(|| match chosen {
        Choice::Auto => found.iter().find(|hardware| hardware.kind != Kind::Software),
        choice => found.iter().find(|hardware| hardware.choice == choice),
    });
    if let Some(hardware) = shown {
        let fallback = chosen == Choice::Auto && hardware.kind == Kind::Cpu;
        let remark = if fallback { ": no GPU was found" } else { "" };
        let held = used.as_ref().and_then(|used| used.held);
        let held = held.map(|bytes| format!(", {} in use", number::bytes(bytes))).unwrap_or_default();
        ui.add(egui::Label::new(format!("{hardware}{held}{remark}")).truncate());
    }
}

/// All jobs, with how each ended.
fn jobs(app: &mut App, ui: &mut Ui) {
    let open = app.queue.jobs().iter().filter(|job| job.is_open()).count();
    ui.menu_button(format!("Jobs: {open}"), |ui| {
        ui.set_min_width(420.0);
        if app.queue.jobs().is_empty() {
            ui.label("Nothing was computed in this window yet.");
        }
        for job in app.queue.jobs().iter().rev().take(20) {
            ui.horizontal(|ui| {
                ui.label(&job.title);
                match job.phase() {
                    Phase::Waiting => drop(ui.label("waits")),
                    Phase::Running => progress(ui, job),
                    Phase::Done => drop(ui.label("done")),
                    Phase::Cancelled => drop(ui.label("cancelled")),
                    Phase::Failed(reason) => problem(ui, &reason),
                }
                if job.phase() == Phase::Waiting && ui.button("Cancel").clicked() {
                    job.cancel();
                }
            });
        }
    });
}

/// How far a job is, the time left, and a button that stops it; nothing for one that is over.
pub fn progress(ui: &mut Ui, job: &Info) {
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
