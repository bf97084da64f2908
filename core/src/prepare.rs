//! Preparing data sets on disk: shrinking, downloading, unpacking, and looking for what is broken.
//!
//! Whatever is stopped or killed goes on where it was when it is started again, and does nothing once it is done.

mod chexpert;
mod cifar10;
mod domainnet;

mod download;
mod part;
mod unpack;

mod verify;

pub use chexpert::{CHEXPERT_TRAIN_SIZE, chexpert};
pub use cifar10::cifar10;
pub use domainnet::{Archives, DOMAINNET_SITE, domainnet};
pub use verify::{Broken, Verified, verify, verify_files};

use std::path::{Component, Path};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::Data;
use crate::data::{Download, source};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;

/// Downloads the data set of some settings into the folder that they name, as far as it is not there.
///
/// # Errors
/// [`Error::Usage`] for a data set that cannot be downloaded by the program, with what to do; those of [`cifar10`] and
/// [`domainnet`].
pub fn download(data: &Data, job: &Job) -> Result<()> {
    let folder = Path::new(&data.configs.data_dir);
    let source = source(&data.name)?;
    match source.download() {
        Some(Download::Cifar10) => cifar10(folder, None, job),
        Some(Download::DomainNet(domain)) => {
            let domains = [domain.to_owned()];
            domainnet(folder, &domains, DOMAINNET_SITE, Archives::Remove, job).map(drop)
        }
        None => Err(Error::usage(match source.needs() {
            Some(needs) => format!("{} cannot be downloaded: {needs}; leave out --download", source.name()),
            None => format!("{} is drawn by the program; leave out --download", source.name()),
        })),
    }
}

/// Whether a path of a list or an archive names something below the folder that it is joined to.
fn stays_below(path: &Path) -> bool {
    path.file_name().is_some() && path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// Tells how many pieces of work are done, whichever thread did them.
struct Count<'a> {
    job: &'a Job<'a>,
    what: String,
    unit: &'static str,
    done: AtomicU64,
    total: u64,
}

impl<'a> Count<'a> {
    fn new(job: &'a Job<'a>, what: impl Into<String>, total: usize, unit: &'static str) -> Self {
        Self { job, what: what.into(), unit, done: AtomicU64::new(0), total: total as u64 }
    }

    fn one(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.job.emit(Event::Progress { what: self.what.clone(), done, total: self.total, unit: self.unit });
    }
}
