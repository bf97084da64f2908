//! Asking a store for what a URL names, and taking it in.

use std::io::Write as _;
use std::path::Path;

use futures_util::StreamExt as _;
use object_store::{GetOptions, ObjectMeta, ObjectStore as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::store::{Refusal, cause, open, refusal};
use super::wait::{MEGABYTE, finish, heard};
use crate::checkpoint::public;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::{hex, temporary_in};
use crate::job::Job;

/// What a store says of an object, so that a change shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version {
    e_tag: Option<String>,
    /// Seconds since 1970; 0 if the store does not say.
    last_modified: i64,
    bytes: u64,
}

impl Version {
    fn of(meta: &ObjectMeta) -> Self {
        let ObjectMeta { e_tag, last_modified, size, .. } = meta;
        Self { e_tag: e_tag.clone(), last_modified: last_modified.timestamp(), bytes: *size }
    }

    /// Whether equal ones are of the same bytes.
    fn is_telling(&self) -> bool {
        self.e_tag.is_some() || self.last_modified > 0
    }
}

/// What came of asking.
pub(super) enum Answer {
    /// The file, whole.
    Whole { file: NamedTempFile, sha256: String, version: Version },
    /// It is what is known, or, for a reason, what is known must do.
    Unchanged(Option<String>),
}

/// Fetches what a URL names into a temporary file in `folder`, unless it is `known`.
pub(super) fn fetch(url: &str, known: Option<&Version>, folder: &Path, job: &Job) -> Result<Answer> {
    finish(ask(url, known, folder, job))
}

async fn ask(url: &str, known: Option<&Version>, folder: &Path, job: &Job<'_>) -> Result<Answer> {
    let shown = &*public(url);
    let (store, location) = open(url)?;
    let if_none_match = known.and_then(|version| version.e_tag.clone());
    let options = GetOptions { if_none_match, ..GetOptions::default() };
    let object = match heard(job, store.get_opts(&location, options)).await? {
        Ok(object) => object,
        Err(object_store::Error::NotModified { .. }) if known.is_some() => {
            return Ok(Answer::Unchanged(None));
        }
        Err(error) => {
            return match refusal(shown, &error) {
                Refusal::Final(error) => Err(error),
                Refusal::Silence { reason, .. } if known.is_some() => {
                    Ok(Answer::Unchanged(Some(format!("{shown} cannot be reached ({reason})"))))
                }
                Refusal::Silence { reason, remedy } => {
                    Err(Error::data(format!("{shown} cannot be reached ({reason}); {remedy}")))
                }
            };
        }
    };
    let version = Version::of(&object.meta);
    if version.is_telling() && known == Some(&version) {
        return Ok(Answer::Unchanged(None));
    }

    job.emit(Event::Note(format!("downloading {shown}")));
    let what = format!("downloading {}", shown.rsplit('/').next().unwrap_or(shown));
    let mut file = temporary_in(folder).map_err(Error::io("write", folder))?;
    let (mut sha256, mut bytes) = (Sha256::new(), 0);
    let mut pieces = object.into_stream();
    let cut = |reason: &str| {
        Error::data(format!("{shown} did not come whole ({reason}); run the same command again"))
    };
    while let Some(piece) = heard(job, pieces.next()).await? {
        let piece = piece.map_err(|error| cut(&cause(&error)))?;
        file.write_all(&piece).map_err(Error::io("write", folder))?;
        sha256.update(&piece);
        bytes += piece.len() as u64;
        let (done, total) = (bytes / MEGABYTE, version.bytes / MEGABYTE);
        job.emit(Event::Progress { what: what.clone(), done, total, unit: "MB" });
    }
    if bytes != version.bytes {
        return Err(cut(&format!("{bytes} of {} bytes", version.bytes)));
    }
    Ok(Answer::Whole { file, sha256: hex(sha256.finalize()), version })
}
