//! `runner prepare`: data sets on disk.

use std::path::{Path, PathBuf};

use anyhow::Result;
use basin_core::config::apply_overrides;
use basin_core::error::Error;
use basin_core::prepare::{self, Archives, Broken, CHEXPERT_TRAIN_SIZE, DOMAINNET_SITE, Verified};

use super::{print, working};
use crate::args::{Device, Settings};
use crate::progress::say;

/// Data sets that can be prepared.
#[derive(Debug, clap::Subcommand)]
pub enum Prepare {
    /// Shrinks CheXpert's images to 224 pixels, and writes the lists of its training, test and dev split.
    Chexpert {
        /// The official folder, which holds train.csv and valid.csv.
        source: PathBuf,
        /// Folder for the small images and the lists.
        dest: PathBuf,
        /// Images of the training split, and at most as many of the test split; fewer suit a part of the data set.
        #[arg(long, default_value_t = CHEXPERT_TRAIN_SIZE, value_name = "N")]
        train_size: usize,
        /// Afterwards decodes every small image, and lists those that are broken.
        #[arg(long)]
        verify: bool,
    },
    /// Downloads CIFAR-10 and unpacks it to <DEST>/cifar-10-batches-bin.
    Cifar10 {
        /// Folder to unpack to: what data.configs.data_dir is to name.
        dest: PathBuf,
        /// The archive cifar-10-binary.tar.gz, instead of a download.
        #[arg(long, value_name = "ARCHIVE")]
        from: Option<PathBuf>,
    },
    /// Downloads domains of DomainNet and unpacks them to <DEST>/DomainNet.
    Domainnet {
        /// Folder to unpack to: what data.configs.data_dir is to name.
        dest: PathBuf,
        /// Domains with commas: clipart, infograph, painting, quickdraw, real, sketch.
        #[arg(long, value_delimiter = ',', required = true, value_name = "DOMAINS")]
        domains: Vec<String>,
        /// Address of a copy of the official site's folder.
        #[arg(long, default_value = DOMAINNET_SITE, value_name = "URL")]
        mirror: String,
        /// Keeps the archives; without it each is removed once its images are there.
        #[arg(long)]
        keep_archives: bool,
        /// Afterwards decodes every image, and lists those that are broken.
        #[arg(long)]
        verify: bool,
    },
    /// Decodes every image of a key's data set, and lists those that are missing, empty or broken.
    Verify {
        /// The key; `runner configs` lists them.
        #[arg(short = 'k', long, value_name = "KEY")]
        config_key: String,
        #[command(flatten)]
        settings: Settings,
    },
}

impl Prepare {
    /// Prepares a data set and prints the folder that holds it, or lists its broken images.
    pub fn run(self) -> Result<()> {
        match self {
            Prepare::Chexpert { source, dest, train_size, verify } => {
                let files =
                    working(&Device::cpu(), |job| prepare::chexpert(&source, &dest, train_size, job))?;
                say(&format!("{} images and the lists of three splits are there", files.len()));
                finish(&dest, &files, verify)
            }
            Prepare::Cifar10 { dest, from } => {
                working(&Device::cpu(), |job| prepare::cifar10(&dest, from.as_deref(), job))?;
                print(&format!("{}\n", dest.display()))
            }
            Prepare::Domainnet { dest, domains, mirror, keep_archives, verify } => {
                let archives = if keep_archives { Archives::Keep } else { Archives::Remove };
                let files = working(&Device::cpu(), |job| {
                    prepare::domainnet(&dest, &domains, &mirror, archives, job)
                })?;
                finish(&dest, &files, verify)
            }
            Prepare::Verify { config_key, settings } => {
                let data =
                    apply_overrides(settings.families.registry()?.get(&config_key)?, &settings.set)?.data;
                report(
                    &working(&Device::cpu(), |job| prepare::verify(&data, job))?,
                    "replace them or take them out of the lists",
                )
            }
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
