//! Preparing data sets on disk: shrinking, downloading, unpacking, and looking for what is broken.
//!
//! Whatever is stopped or killed goes on where it was when it is started again, and does nothing once it is done.

mod chexpert;
mod cifar10;
mod domainnet;

mod download;
mod unpack;

mod verify;

pub use chexpert::{CHEXPERT_TRAIN_SIZE, chexpert};
pub use cifar10::cifar10;
pub use domainnet::{Archives, DOMAINNET_SITE, domainnet};
pub use verify::{Broken, Verified, verify, verify_files};

use std::path::{Component, Path};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::Event;
use crate::job::Job;

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
