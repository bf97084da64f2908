//! The desktop program: runs, checkpoints, inputs and analyses of a folder of experiments, over `basin_core`.
//!
//! Modules are listed from above to below: each uses only those after it, and those of the last group one another. The window's
//! thread draws and never computes; see `background` and [`queue`].

pub mod app;

mod shell;

mod panel;

mod widget;

mod context;

mod command;

mod background;
mod dialogs;
mod kept;
pub mod queue;
mod runs;
pub mod settings;

#[cfg(test)]
mod testing;
