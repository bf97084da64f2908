//! Checkpoints of the Hugging Face hub, in the cache of Python's `huggingface_hub`.
//!
//! Beside the weights come the shards that they consist of and timm's `config.json`, all of one commit.

mod cache;
mod client;
mod download;
mod environment;

use std::path::{Path, PathBuf};

use super::named;
use super::wait::finish;
use crate::checkpoint::{Hub, Location, ending, shards};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;

use cache::{Cache, Cached, is_commit};
use client::{Answer, Client};

/// What repositories call their weights, in the order in which they are looked for: Transformers' and timm's names, then OpenCLIP's.
const WEIGHTS: [&str; 6] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
];
/// How the name of an index of shards ends.
const INDEX: &str = ".index.json";
/// What timm says of a network, beside its weights.
const CONFIG: &str = "config.json";

/// Why the hub is not asked, and what to do about it.
struct Silence {
    reason: String,
    remedy: &'static str,
}

/// The file of a checkpoint in the cache, fetched if it is not there or if its revision has another by now.
///
/// # Errors
/// [`Error::Data`] naming the place if it cannot be one, if the hub has no such file or refuses it, or if the hub cannot be reached
/// and the file is not in the cache; [`Error::Io`] if the cache cannot be written; [`Error::Interrupted`].
pub(super) fn local(place: &Hub, job: &Job) -> Result<PathBuf> {
    place.check()?;
    let cache = Cache::of(place)?;
    finish(async {
        let hub = match environment::is_offline() {
            true => {
                Err(Silence { reason: "HF_HUB_OFFLINE is set".to_owned(), remedy: "unset HF_HUB_OFFLINE" })
            }
            false => Ok(Client::new()?),
        };
        Visit { place, job, cache, hub }.weights().await
    })
}

/// The file that the cache has of a place, without asking the hub.
///
/// # Errors
/// [`Error::Data`] naming the place if it cannot be one; [`Error::Usage`] if this user has no cache.
pub(super) fn cached(place: &Hub) -> Result<Option<PathBuf>> {
    place.check()?;
    let cache = Cache::of(place)?;
    let mut names = names(place).into_iter();
    Ok(names.find_map(|name| cache.find(&place.revision, name)).map(|cached| cached.path))
}

/// The files that a place may mean.
fn names(place: &Hub) -> Vec<&str> {
    place.file.as_deref().map_or(WEIGHTS.to_vec(), |file| vec![file])
}

/// Whether a file of that name may be a checkpoint of its own, and no shard of one.
fn is_checkpoint(name: &str) -> bool {
    let is_named_so = ending(name).is_some() || name.ends_with(".bin") || name.ends_with(INDEX);
    is_named_so && !name.contains("-of-0")
}

/// One checkpoint that is being fetched.
struct Visit<'a> {
    place: &'a Hub,
    job: &'a Job<'a>,
    cache: Cache,
    hub: std::result::Result<Client, Silence>,
}

impl Visit<'_> {
    async fn weights(mut self) -> Result<PathBuf> {
        let mut found = None;
        for name in names(self.place) {
            found = self.file(&self.place.revision, name).await?;
            if found.is_some() {
                break;
            }
        }
        let Cached { commit, file, path } = match found {
            Some(found) => found,
            None => self.only_checkpoint().await?,
        };
        if let Err(Silence { reason, .. }) = &self.hub {
            let place = self.place;
            self.job.emit(Event::Note(format!(
                "{place} cannot be asked for ({reason}); using the copy in the cache"
            )));
        }
        if file.ends_with(INDEX) {
            let location = Location::Hub(self.place.clone());
            for name in shards(&path).map_err(|error| named(error, &path, &location))? {
                let shard = self.place.with_file(&file).beside(&name);
                let shard_file = shard.file.as_deref().unwrap_or(&name);
                if self.file(&commit, shard_file).await?.is_none() {
                    return Err(self.missing_shard(&shard));
                }
            }
        }
        self.config(&commit, &file).await?;
        Ok(path)
    }

    /// Fetches what says how images were prepared. Weights are of use without it.
    async fn config(&mut self, commit: &str, file: &str) -> Result<()> {
        let config = self.place.with_file(file).beside(CONFIG);
        match self.file(commit, config.file.as_deref().unwrap_or(CONFIG)).await {
            Err(Error::Data(message)) => self.job.emit(Event::Note(message)),
            result => _ = result?,
        }
        Ok(())
    }

    /// A file at a revision, in the cache; `None` if it is not in the repository, or, where the hub is silent, not in the cache.
    async fn file(&mut self, revision: &str, file: &str) -> Result<Option<Cached>> {
        let cached = self.cache.find(revision, file);
        let Ok(client) = &self.hub else { return Ok(cached) };
        // A commit does not change.
        if cached.is_some() && is_commit(revision) {
            return Ok(cached);
        }
        let place = &self.place.with_file(file);
        let answer = match cached {
            Some(_) => client.ask(place, revision, self.job).await?,
            None => client.ask_patiently(place, revision, self.job).await?,
        };
        let metadata = match answer {
            Answer::Given(metadata) => metadata,
            Answer::Missing => return Ok(None),
            Answer::Silent(reason) => {
                self.hub = Err(Silence { reason, remedy: "check the connection and HF_ENDPOINT" });
                return Ok(cached);
            }
        };
        let path = self.cache.path(&metadata.commit, file);
        if !is_whole(&path, metadata.bytes) {
            let _lock = self.cache.lock(&metadata.etag, self.job).await?;
            let blob = self.cache.blob(&metadata.etag);
            if !is_whole(&blob, metadata.bytes) {
                download::download(client, place, &metadata, &blob, self.job).await?;
            }
            self.cache.link(&metadata.etag, &metadata.commit, file)?;
        }
        self.cache.keep_reference(revision, &metadata.commit);
        Ok(Some(Cached { commit: metadata.commit, file: file.to_owned(), path }))
    }

    /// The checkpoint of a repository that has one under another name, where no file is named.
    async fn only_checkpoint(&mut self) -> Result<Cached> {
        let place = self.place;
        let client = match &self.hub {
            Ok(client) => client,
            Err(silence) => return Err(self.unreached(silence, place)),
        };
        let repository = place.repository();
        let files = match client.files(place, self.job).await? {
            Answer::Given(files) => files,
            Answer::Missing => return Err(client.unknown(place)),
            Answer::Silent(reason) => {
                return Err(Error::data(format!(
                    "there is no {place}, and what {repository} has instead is not known ({reason}); check the name"
                )));
            }
        };
        let places = files.iter().filter(|name| is_checkpoint(name)).map(|name| place.with_file(name));
        let places: Vec<Hub> = places.filter(|place| place.check().is_ok()).collect();
        if let ([only], None) = (&places[..], &place.file)
            && let Some(found) = self.file(&place.revision, only.file.as_deref().unwrap_or_default()).await?
        {
            return Ok(found);
        }
        Err(Error::data(match places.is_empty() {
            true => {
                format!("there is no {place}: {repository} has no checkpoints; choose another repository")
            }
            false => format!("there is no {}; choose one of {}", self.meant(), listed(&places)),
        }))
    }

    /// What was looked for, in words.
    fn meant(&self) -> String {
        match &self.place.file {
            Some(_) => self.place.to_string(),
            None => format!("{} in {}", WEIGHTS[0], self.place),
        }
    }

    fn missing_shard(&self, shard: &Hub) -> Error {
        match &self.hub {
            Ok(_) => Error::data(format!("{} needs {shard}, which is not there; choose another", self.place)),
            Err(silence) => self.unreached(silence, shard),
        }
    }

    /// The error where the hub is silent and the cache has not what was asked for.
    fn unreached(&self, Silence { reason, remedy }: &Silence, place: &Hub) -> Error {
        let known = self.cache.checkpoints(self.place);
        let known = match known.is_empty() {
            true => format!("nothing of {}", self.place.repository()),
            false => format!("only {}", listed(&known)),
        };
        Error::data(format!(
            "{place} cannot be fetched ({reason}), and the cache {} has {known}; {remedy}",
            self.cache.folder().display()
        ))
    }
}

/// Some places in a sentence.
fn listed(places: &[Hub]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = places.iter().take(SHOWN).map(Hub::to_string).collect();
    match places.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Whether a file is there with as many bytes as the hub says.
fn is_whole(path: &Path, bytes: Option<u64>) -> bool {
    path.metadata().is_ok_and(|metadata| bytes.is_none_or(|bytes| metadata.len() == bytes))
}
