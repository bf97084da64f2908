//! A file's bytes into the cache, so that a cut connection or a kill costs no byte that had come.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use reqwest::StatusCode;
use reqwest::header::CONTENT_RANGE;

use super::super::store::cause;
use super::super::wait::{MEGABYTE, heard};
use super::client::{Answer, Client, Metadata, pause};
use crate::checkpoint::Hub;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::{create_folder, file_digest, folder_of, open_to_append, remove_if_there, sync_folder};
use crate::job::Job;

/// Failures in a row, each without a byte gained, after which it is given up.
const MAX_FAILURES: u32 = 5;
/// Digits of a SHA-256.
const DIGEST_DIGITS: usize = 64;

/// Fetches a file of a commit into `blob`. Until it is whole it is `<blob>.incomplete`, with which the next call goes on.
///
/// # Errors
/// [`Error::Data`] naming the place if the hub refuses it, if it does not come whole, or if what came is not what the hub names;
/// [`Error::Io`], [`Error::Interrupted`].
pub(super) async fn download(
    client: &Client,
    place: &Hub,
    metadata: &Metadata,
    blob: &Path,
    job: &Job<'_>,
) -> Result<()> {
    create_folder(folder_of(blob))?;
    let part = blob.with_file_name(format!("{}.incomplete", metadata.etag));
    let mut file = open_to_append(&part)?;
    let length =
        |file: &File| file.metadata().map(|metadata| metadata.len()).map_err(Error::io("read", &part));
    job.emit(Event::Note(match length(&file)? {
        0 => format!("downloading {place}"),
        bytes => format!("downloading {place}, of which {} MB are there", bytes / MEGABYTE),
    }));
    let mut failures = 0;
    loop {
        let before = length(&file)?;
        let Some(reason) = attempt(client, place, metadata, &mut file, &part, job).await? else { break };
        failures = if length(&file)? > before { 1 } else { failures + 1 };
        if failures == MAX_FAILURES {
            return Err(Error::data(format!(
                "{place} did not come whole ({reason}); run the same command again to go on"
            )));
        }
        pause(failures, job).await?;
    }
    file.sync_all().map_err(Error::io("write", &part))?;
    drop(file);
    let is_digest = metadata.etag.len() == DIGEST_DIGITS;
    if is_digest && file_digest(&part)? != metadata.etag {
        remove_if_there(&part)?;
        return Err(Error::data(format!(
            "what came of {place} has not the SHA-256 that the hub names; run the same command again"
        )));
    }
    std::fs::rename(&part, blob).map_err(Error::io("write", blob))?;
    sync_folder(folder_of(blob)).map_err(Error::io("write", blob))
}

/// Goes on with a part to the end; why not, if that failed and may be tried again.
async fn attempt(
    client: &Client,
    place: &Hub,
    metadata: &Metadata,
    file: &mut File,
    part: &Path,
    job: &Job<'_>,
) -> Result<Option<String>> {
    let there = file.metadata().map_err(Error::io("read", part))?.len();
    if there > 0 && metadata.bytes == Some(there) {
        return Ok(None);
    }
    let mut response = match client.open(place, &metadata.commit, there, job).await? {
        Answer::Given(response) => response,
        Answer::Missing => return Ok(Some("the hub has it no more".to_owned())),
        Answer::Silent(reason) => return Ok(Some(reason)),
    };
    let is_rest = response.status() == StatusCode::PARTIAL_CONTENT
        && response
            .headers()
            .get(CONTENT_RANGE)
            .and_then(|range| range.to_str().ok())
            .is_some_and(|range| range.starts_with(&format!("bytes {there}-")));
    let mut written = if is_rest { there } else { 0 };
    if !is_rest {
        // All of it comes, or another range than was asked for.
        file.set_len(0).map_err(Error::io("write", part))?;
        if response.status() != StatusCode::OK {
            return Ok(Some("the server has no such rest of the file".to_owned()));
        }
    }
    let total = metadata.bytes.or_else(|| response.content_length().map(|rest| written + rest));
    let what = format!("downloading {}", place.last_name());
    loop {
        let piece = match heard(job, response.chunk()).await? {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(error) => return Ok(Some(cause(&error.without_url()))),
        };
        file.write_all(&piece).map_err(Error::io("write", part))?;
        written += piece.len() as u64;
        let (done, total) = (written / MEGABYTE, total.unwrap_or(written) / MEGABYTE);
        job.emit(Event::Progress { what: what.clone(), done, total, unit: "MB" });
    }
    match total {
        Some(total) if written > total => {
            file.set_len(0).map_err(Error::io("write", part))?;
            Ok(Some(format!("{written} bytes came instead of {total}")))
        }
        Some(total) if written < total => Ok(Some(format!("{written} of {total} bytes"))),
        _ => Ok(None),
    }
}
