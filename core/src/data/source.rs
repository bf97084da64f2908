//! What a data set is to the program.

use std::path::Path;
use std::sync::Arc;

use super::index::{Files, Index};
use super::photograph::Statistics;
use super::split::{Labelling, Split};
use super::transform::{Input, Transform};
use crate::config::Data;
use crate::error::Result;

/// A data set: all that the program knows of it.
pub trait DataSource: Sync {
    /// What `data.name` says.
    fn name(&self) -> &'static str;

    /// The splits that it comes in, train and test at least.
    fn splits(&self) -> &'static [Split] {
        &[Split::Train, Split::Test]
    }

    /// What is evaluated after each epoch beside the test split.
    fn evaluated(&self) -> &'static [Split] {
        &[Split::EvalTrain]
    }

    /// What its labels say.
    fn labelling(&self) -> Labelling {
        Labelling::Class
    }

    /// Mean and standard deviation that its photographs are normalized by; `None` where they are none.
    fn statistics(&self) -> Option<Statistics> {
        None
    }

    /// What is done to its images, normalization included.
    fn transform(&self, input: Input) -> Arc<dyn Transform>;

    /// What must be on disk, or what puts it there, for messages: `there is no FILE; <this>, so set the folder with --set ...`.
    /// `None` for images that the program draws.
    fn needs(&self) -> Option<String>;

    /// What of it can be downloaded; `None` where that needs an agreement, or where there is nothing to.
    fn download(&self) -> Option<Download> {
        None
    }

    /// Whether `data.index_paths` may name other lists than its own.
    fn takes_lists(&self) -> bool {
        false
    }

    /// Opens a split, reduced to the subset that `data.configs.subsample` asks for. Of a data set without a validation set, `Dev`
    /// is the test set.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] naming the file, and the line of a list, that is missing or wrong; [`crate::error::Error::Usage`] for a setting that is.
    fn open(&self, data: &Data, split: Split, files: Files) -> Result<Index>;
}

/// What [`prepare`](crate::prepare) downloads for a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Download {
    /// CIFAR-10.
    Cifar10,
    /// A domain of DomainNet.
    DomainNet(&'static str),
}

/// What to say of a file or folder of a data set that is not there.
pub(super) fn missing(source: &dyn DataSource, path: &Path) -> String {
    let needs = source.needs().map_or(String::new(), |needs| format!("{needs}, so "));
    format!("there is no {}; {needs}set the folder with --set data.configs.data_dir=FOLDER", path.display())
}
