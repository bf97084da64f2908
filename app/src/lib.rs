//! The desktop program: runs, checkpoints, inputs and analyses of a folder of experiments, over `basin_core`.
//!
//! Modules are listed in reading order. The window's thread draws and never computes; see [`background`] and [`queue`].

pub mod app;
pub mod context;
pub mod settings;

pub mod background;
pub mod kept;
pub mod queue;
pub mod runs;

pub mod panel;
pub mod shell;
#[cfg(test)]
mod testing;
pub mod widget;
