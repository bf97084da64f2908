//! `runner prepare`: data sets on disk.

use anyhow::Result;
use basin_core::device::Choice;
use basin_core::prepare;

use super::{print, working};
use crate::args::{Device, Prepare};
use crate::progress::say;

/// No file needs another device.
const CPU: Device = Device { device: Choice::Cpu };

/// Prepares a data set, and prints the folder that holds it.
pub fn run(request: Prepare) -> Result<()> {
    match request {
        Prepare::Chexpert { source, dest, train_size } => {
            let images = working(&CPU, |job| prepare::chexpert(&source, &dest, train_size, job))?;
            say(&format!("{images} images and the lists of three splits are there"));
            print(&format!("{}\n", dest.display()))
        }
    }
}
