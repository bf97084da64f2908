//! Checkpoints by URL: fetched once, kept on disk by their digest, fetched again when they have changed. Those of the Hugging Face hub
//! are kept where Python's `huggingface_hub` keeps them (`hub.rs`).
//!
//! Below the cache folder, `checkpoints/<SHA-256><ending>` are the files, and `urls/<SHA-256 of the URL>/fetched.json` says which of
//! them a URL named when it was last asked.

mod fetch;
mod hub;
mod store;
mod wait;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, Location, Selection, public};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::{
    FolderLock, digest, file_digest, in_home, lock_folder, persist, read, remove_temporaries,
    write_atomically,
};
use crate::job::Job;

use fetch::{Answer, Version, fetch};
use wait::POLL;

/// The folder that holds the cache, instead of the user's own.
const CACHE: &str = "BASIN_CACHE";

/// What a URL named when it was last asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fetched {
    url: String,
    version: Version,
    /// SHA-256 of the file.
    sha256: String,
}

/// The file of a checkpoint: itself, or the copy in a cache of what a URL or a place on the hub names. A server is asked once while the
/// program runs, so that an analysis that reads a checkpoint twice reads the same one.
///
/// # Errors
/// [`Error::Data`] naming the location if it names nothing, may not be read, or cannot be reached and was not fetched before;
/// [`Error::Io`] if the cache cannot be written; [`Error::Interrupted`].
pub fn local(location: &Location, job: &Job) -> Result<PathBuf> {
    static ASKED: Mutex<BTreeMap<Location, PathBuf>> = Mutex::new(BTreeMap::new());
    let asked = || ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = asked().get(location).filter(|file| file.is_file()) {
        return Ok(file.clone());
    }
    let file = match location {
        Location::File(path) => return Ok(path.clone()),
        Location::Url(url) => by_url(url, location, job)?,
        Location::Hub(place) => hub::local(place, job)?,
    };
    asked().insert(location.clone(), file.clone());
    Ok(file)
}

fn by_url(url: &str, location: &Location, job: &Job) -> Result<PathBuf> {
    let cache = cache()?;
    let folder = folder_of(url, &cache);
    let _lock = turn(&folder, job)?;
    remove_temporaries(&folder);
    let ending = location.ending();
    let known = last_fetched(url, ending, &cache)?;
    match fetch(url, known.as_ref().map(|known| &known.version), &folder, job)? {
        Answer::Whole { file, sha256, version } => {
            let path = file_of(&sha256, ending, &cache);
            persist(file, &path)?;
            let fetched = Fetched { url: public(url), version, sha256 };
            let json = serde_json::to_vec_pretty(&fetched).map_err(Error::run)?;
            write_atomically(&folder.join("fetched.json"), |file| file.write_all(&json))?;
            Ok(path)
        }
        Answer::Unchanged(reason) => {
            // Only what is known can be unchanged.
            let Some(known) = known else { return Err(Error::run(format!("{location} was never fetched"))) };
            if let Some(reason) = reason {
                job.emit(Event::Note(format!("{reason}; using the copy that was fetched before")));
            }
            Ok(file_of(&known.sha256, ending, &cache))
        }
    }
}

/// The checkpoint at a location, and the SHA-256 of its file.
///
/// # Errors
/// Those of [`local`] and [`Checkpoint::load`], naming the location.
pub fn load(location: &Location, job: &Job) -> Result<(Checkpoint, String)> {
    load_selection(location, Selection::default(), job)
}

/// The same of some of its tensors.
///
/// # Errors
/// Those of [`local`] and [`Checkpoint::load_selection`], naming the location.
pub fn load_selection(location: &Location, selection: Selection, job: &Job) -> Result<(Checkpoint, String)> {
    let file = local(location, job)?;
    let load = || Checkpoint::load_selection(&file, selection);
    let (checkpoint, sha256) = rayon::join(load, || file_digest(&file));
    Ok((checkpoint.map_err(|error| named(error, &file, location))?, sha256?))
}

/// The same error, naming the location in place of the copy.
pub fn named(error: Error, file: &Path, location: &Location) -> Error {
    match error {
        Error::Data(message) => Error::Data(message.replace(&*file.to_string_lossy(), &location.to_string())),
        Error::Remediable { error, remedy } => named(*error, file, location).with(remedy),
        error => error,
    }
}

/// SHA-256 of a file, or of the copy of what a location named when its server was last asked; `None` if it never was.
///
/// # Errors
/// [`Error::Io`] naming a file that cannot be read.
pub fn known_digest(location: &Location) -> Result<Option<String>> {
    match location {
        Location::File(path) => file_digest(path).map(Some),
        Location::Url(url) => {
            Ok(last_fetched(url, location.ending(), &cache()?)?.map(|fetched| fetched.sha256))
        }
        Location::Hub(place) => hub::cached(place)?.map(|file| file_digest(&file)).transpose(),
    }
}

fn cache() -> Result<PathBuf> {
    let named = std::env::var_os(CACHE).filter(|folder| !folder.is_empty());
    let named = named.map(|folder| PathBuf::from(in_home(&folder)));
    named.or_else(|| dirs::cache_dir().map(|folder| folder.join("basin"))).ok_or_else(|| {
        Error::usage(format!("this user has no cache folder for checkpoints by URL; name one with {CACHE}"))
    })
}

fn folder_of(url: &str, cache: &Path) -> PathBuf {
    cache.join("urls").join(digest(url))
}

fn file_of(sha256: &str, ending: &str, cache: &Path) -> PathBuf {
    cache.join("checkpoints").join(format!("{sha256}{ending}"))
}

/// What was fetched from a URL, if the file is still there and whole. A note that cannot be read counts as none.
fn last_fetched(url: &str, ending: &str, cache: &Path) -> Result<Option<Fetched>> {
    let note = read(&folder_of(url, cache).join("fetched.json")).unwrap_or_default();
    let Ok(fetched) = serde_json::from_slice::<Fetched>(&note) else { return Ok(None) };
    let file = file_of(&fetched.sha256, ending, cache);
    Ok((file.is_file() && file_digest(&file)? == fetched.sha256).then_some(fetched))
}

/// Waits until no other process fetches the same URL.
fn turn(folder: &Path, job: &Job) -> Result<FolderLock> {
    loop {
        job.check()?;
        match lock_folder(folder) {
            Err(Error::Run(_)) => sleep(POLL),
            lock => return lock,
        }
    }
}
