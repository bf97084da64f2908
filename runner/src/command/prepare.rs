//! `runner prepare`: data sets on disk.

use anyhow::Result;
use basin_core::config::{Registry, apply_overrides};
use basin_core::device::Choice;
use basin_core::error::Error;
use basin_core::prepare::{self, Archives, Verified};

use super::{print, working};
use crate::args::{Device, Prepare};
use crate::progress::say;

/// Nothing here computes on another.
const CPU: Device = Device { device: Choice::Cpu };

/// Prepares a data set and prints the folder that holds it, or lists its broken images.
pub fn run(request: Prepare) -> Result<()> {
    match request {
        Prepare::Chexpert { source, dest, train_size } => {
            let images = working(&CPU, |job| prepare::chexpert(&source, &dest, train_size, job))?;
            say(&format!("{images} images and the lists of three splits are there"));
            print(&format!("{}\n", dest.display()))
        }
        Prepare::Cifar10 { dest, from } => {
            working(&CPU, |job| prepare::cifar10(&dest, from.as_deref(), job))?;
            print(&format!("{}\n", dest.display()))
        }
        Prepare::Domainnet { dest, domains, mirror, keep_archives } => {
            let archives = if keep_archives { Archives::Keep } else { Archives::Remove };
            working(&CPU, |job| prepare::domainnet(&dest, &domains, &mirror, archives, job))?;
            print(&format!("{}\n", dest.display()))
        }
        Prepare::Verify { config_key, settings } => {
            let data = apply_overrides(Registry::load()?.get(&config_key)?, &settings.set)?.data;
            let Verified { images, broken } = working(&CPU, |job| prepare::verify(&data, job))?;
            if broken.is_empty() {
                return print(&format!("all {images} images of {} are whole\n", data.name));
            }
            for image in &broken {
                print(&format!("{}\t{}\n", image.path.display(), image.reason))?;
            }
            Err(Error::data(format!(
                "{} of {images} images of {} are missing or broken; replace them or take them out of the lists",
                broken.len(),
                data.name
            ))
            .into())
        }
    }
}
