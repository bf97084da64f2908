//! The status bar: device and memory, the job that is running, and the last message.

use basin_core::device::{Choice, Kind};
use basin_core::number;
use egui::{ComboBox, Ui};

use crate::command::Command;
use crate::context::Workspace;
use crate::queue::{Phase, Queue};
use crate::widget::job::progress;
use crate::widget::problem;

/// Draws the bar.
pub fn ui(ui: &mut Ui, workspace: &Workspace, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        device(ui, workspace, commands);
        ui.separator();
        jobs(ui, &workspace.queue);
        if let Some(job) = workspace.queue.running() {
            ui.add(egui::Label::new(&job.title).truncate());
            progress(ui, job);
        }
        ui.separator();
        ui.add(egui::Label::new(&workspace.message).truncate());
    });
}

/// The choice of a device, and its name and memory.
fn device(ui: &mut Ui, workspace: &Workspace, commands: &mut Vec<Command>) {
    let Workspace { settings, devices, queue, .. } = workspace;
    let found = devices.value().map_or(&[][..], Vec::as_slice);
    let combo = ComboBox::new("device", "Device").selected_text(&settings.device);
    combo.show_ui(ui, |ui| {
        let mut choice = |name: String, text: String| {
            if ui.selectable_label(settings.device == name, text).clicked() {
                commands.push(Command::UseDevice(name));
            }
        };
        choice("auto".to_owned(), "auto: the best there is".to_owned());
        for hardware in found {
            choice(hardware.choice.to_string(), hardware.to_string());
        }
    });
    let chosen = settings.device();
    let used = queue.used();
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
fn jobs(ui: &mut Ui, queue: &Queue) {
    let open = queue.jobs().iter().filter(|job| job.is_open()).count();
    ui.menu_button(format!("Jobs: {open}"), |ui| {
        ui.set_min_width(420.0);
        if queue.jobs().is_empty() {
            ui.label("Nothing was computed in this window yet.");
        }
        for job in queue.jobs().iter().rev().take(20) {
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
