//! `runner prepare`: data sets on disk.

use std::path::{Path, PathBuf};

use anyhow::Result;
use basin_core::config::apply_overrides;
use basin_core::error::Error;
use basin_core::prepare::{self, Archives, Broken, Verified};

use super::{print, working};
use crate::args::{Device, Prepare};
use crate::progress::say;

/// Prepares a data set and prints the folder that holds it, or lists its broken images.
pub fn run(request: Prepare) -> Result<()> {
    match request {
        Prepare::Chexpert { source, dest, train_size, verify } => {
            let files = working(&Device::cpu(), |job| prepare::chexpert(&source, &dest, train_size, job))?;
            say(&format!("{} images and the lists of three splits are there", files.len()));
            finish(&dest, &files, verify)
        }
        Prepare::Cifar10 { dest, from } => {
            working(&Device::cpu(), |job| prepare::cifar10(&dest, from.as_deref(), job))?;
            print(&format!("{}\n", dest.display()))
        }
        Prepare::Domainnet { dest, domains, mirror, keep_archives, verify } => {
            let archives = if keep_archives { Archives::Keep } else { Archives::Remove };
            let files =
                working(&Device::cpu(), |job| prepare::domainnet(&dest, &domains, &mirror, archives, job))?;
            finish(&dest, &files, verify)
        }
        Prepare::Verify { config_key, settings } => {
            let data = apply_overrides(settings.families.registry()?.get(&config_key)?, &settings.set)?.data;
            report(
                &working(&Device::cpu(), |job| prepare::verify(&data, job))?,
                "replace them or take them out of the lists",
            )
        }
    }
}

/// Looks at the files if that was asked for, and prints their folder.
fn finish(dest: &Path, files: &[PathBuf], verify: bool) -> Result<()> {
    if verify {
        let verified = working(&Device::cpu(), |job| prepare::verify_files(files, job))?;
        report(&verified, "remove them and run the same command again")?;
    }
    print(&format!("{}\n", dest.display()))
}

/// Prints a line for each broken image, its path first.
fn report(verified: &Verified, remedy: &str) -> Result<()> {
    let Verified { images, broken } = verified;
    for Broken { path, reason } in broken {
        print(&format!("{}\t{reason}\n", path.display()))?;
    }
    match broken.len() {
        0 => print(&format!("all {images} images are whole\n")),
        count => {
            Err(Error::data(format!("{count} of {images} images are missing or broken; {remedy}")).into())
        }
    }
}
