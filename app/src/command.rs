//! Everything that panels and the shell can ask of the window. They push commands while they are drawn; `App`
//! executes them after the frame, and nothing else changes what they read.

use std::path::PathBuf;

use basin_core::figure::Figure;
use basin_core::run::Located;
use egui::{Id, ThemePreference};

use crate::queue::Task;
use crate::runs::Beside;

/// One request to the window.
pub enum Command {
    /// Show the panel of this title.
    ShowPanel(&'static str),
    /// Open a checkpoint in the panel for checkpoints, and show that panel.
    OpenCheckpoint(PathBuf),
    /// Show the runs of another folder.
    OpenFolder(PathBuf),
    /// Ask the user for a checkpoint; the answer goes to the widget of this id.
    PickCheckpoint(Id),
    /// Ask the user for a folder; the answer goes to the widget of this id.
    PickFolder(Id),
    /// Select runs, in place of those that are selected or beside them.
    Select(Vec<Located>, Beside),
    /// Move the selection down the list of keys by this many, or up for a negative number.
    StepSelection(isize),
    /// List only the keys that match a regular expression.
    Filter(String),
    /// Add a job to the queue, on the device that is chosen.
    Compute(Task),
    /// Write a figure as SVG, PNG and CSV to files of this path without ending.
    Export(Box<dyn Figure + Send>, PathBuf),
    /// Compute the next jobs on another device, named as for `--device`.
    UseDevice(String),
    /// Change to light, dark, or the system's colours.
    UseTheme(ThemePreference),
    /// Show a sentence in the status bar.
    Say(String),
}
