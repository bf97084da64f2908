//! The desktop program: runs, checkpoints, inputs and analyses of a folder of experiments, over `basin_core`.
//!
//! Modules are listed from above to below: each uses only those after it. The window's thread draws and
//! never computes; see [`background`] and [`queue`].

pub mod app;
pub mod shell;

pub mod panel;
pub mod widget;

pub mod command;
pub mod context;

pub mod background;
pub mod dialogs;
pub mod kept;
pub mod queue;
pub mod runs;
pub mod settings;

#[cfg(test)]
mod testing;
