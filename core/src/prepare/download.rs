//! Fetching a file over HTTP, so that a cut connection, a busy server or a kill costs no byte that had come.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Request};
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER,
    TRANSFER_ENCODING,
};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Version};

use super::part::Part;
use crate::checkpoint::public;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file::file_digest;
use crate::job::Job;

/// How often what has come is put on disk.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// Redirections that are followed.
const MAX_REDIRECTS: usize = 10;
/// A connection that says nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// How soon a signal is heard while nothing comes.
const POLL: Duration = Duration::from_millis(100);
/// First pause after a failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Failures in a row, each without a byte gained, after which it is given up: the pauses add up to a minute.
const MAX_FAILURES: u32 = 8;
/// The longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Bytes read at once.
const CHUNK: usize = 1 << 18;
/// Pieces that may wait to be written.
const BACKLOG: usize = 16;
/// What progress counts.
const MEGABYTE: u64 = 1_000_000;

/// What the thread that talks to the server hands over.
enum Piece {
    Head(StatusCode, Version, HeaderMap),
    Body(Vec<u8>),
}

/// How an attempt ended, if not for good.
enum Attempt {
    Whole,
    Failed { reason: String, pause: Option<Duration> },
}

/// Fetches `url` into `path`. Until it is whole it is `<path>.part`, with which the next call goes on, if the server says by
/// `<path>.part.version` that its file is still the same. Where `sha256` is known, another file is refused.
///
/// # Errors
/// [`Error::Usage`] if `url` is none, [`Error::Run`] if the server has no such file or keeps failing, or this system has no
/// certificates to trust; [`Error::Data`] for a file of another digest, or one whose length the server does not tell; [`Error::Io`],
/// [`Error::Interrupted`].
pub(super) fn download(url: &str, path: &Path, sha256: Option<&str>, job: &Job) -> Result<()> {
    let client = client()?;
    let part = Part::of(path);
    let shown = public(url);
    let (mut failures, mut furthest) = (0, part.length());
    job.emit(Event::Note(match furthest {
        0 => format!("downloading {shown}"),
        bytes => format!("downloading {shown}, of which {} MB are there", bytes / MEGABYTE),
    }));
    loop {
        let (reason, pause) = match attempt(&client, url, &part, job)? {
            Attempt::Whole => break,
            Attempt::Failed { reason, pause } => (reason, pause),
        };
        if part.length() > furthest {
            (failures, furthest) = (0, part.length());
        }
        failures += 1;
        if failures == MAX_FAILURES {
            return Err(Error::run(format!(
                "cannot download {shown}: {reason}; check the connection and run the same command again to go on"
            )));
        }
        let pause = pause.unwrap_or(FIRST_PAUSE * 2_u32.pow(failures - 1)).min(LONGEST_PAUSE);
        job.emit(Event::Note(format!("{shown}: {reason}; trying again in {:.1} s", pause.as_secs_f64())));
        wait(pause, job)?;
    }
    if let Some(expected) = sha256 {
        let found = file_digest(&part.file)?;
        if found != expected {
            part.remove()?;
            return Err(Error::data(format!(
                "what came from {shown} has the SHA-256 {found}, and the data set's own has {expected}; try again later, or get the file \
                 elsewhere and put it at {}",
                path.display()
            )));
        }
    }
    part.persist(path)
}

/// What a server calls a version of a file, for `If-Range`: a strong tag, or a date (RFC 9110, section 13.1.5).
fn version(headers: &HeaderMap) -> Option<&str> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    text(ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| text(LAST_MODIFIED))
}

fn client() -> Result<Client> {
    // A provider that is installed already is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder()
        .user_agent(concat!("basin/", env!("CARGO_PKG_VERSION")))
        .timeout(SILENCE)
        .redirect(Policy::custom(|attempt| {
            let was_secret = attempt.previous().last().is_some_and(|before| before.scheme() == "https");
            if was_secret && attempt.url().scheme() != "https" {
                attempt.error("the server redirects from https to http, where anybody on the way may change the file")
            } else if attempt.previous().len() > MAX_REDIRECTS {
                attempt.error("the server redirects without end")
            } else {
                attempt.follow()
            }
        }))
        .build()
        .map_err(|error| {
            Error::run(format!(
                "cannot prepare for downloads: {}; install the system's certificates (Debian: ca-certificates)",
                reasons(&error)
            ))
        })
}

fn attempt(client: &Client, url: &str, part: &Part, job: &Job) -> Result<Attempt> {
    let known = part.known();
    let have = known.as_ref().map_or(0, |(_, length)| *length);
    let mut request = client.get(url);
    if let Some((version, _)) = &known {
        // If it is another file by now, all of it comes.
        request = request.header(RANGE, format!("bytes={have}-")).header(IF_RANGE, version);
    }
    let shown = public(url);
    let is_web = |request: &Request| matches!(request.url().scheme(), "http" | "https");
    let Some(request) = request.build().ok().filter(is_web) else {
        return Err(Error::usage(format!(
            "{shown} is no address of the web: it starts with http:// or https://"
        )));
    };
    let pieces = send(client.clone(), request);
    let (status, version_of_http, headers) = match next(&pieces, job)? {
        Some(Ok(Piece::Head(status, http, headers))) => (status, http, headers),
        Some(Err(reason)) => return failed(reason),
        _ => return failed("the server says nothing"),
    };
    let range = ContentRange::of(&headers);
    let (mut written, total) = match status {
        // A server that ignores the range sends all of it.
        StatusCode::OK => {
            let total = number(&headers, CONTENT_LENGTH);
            let ends_clearly = headers.contains_key(TRANSFER_ENCODING) || version_of_http >= Version::HTTP_2;
            if total.is_none() && !ends_clearly {
                return Err(Error::data(format!(
                    "the server of {shown} does not say how long the file is, so that a cut connection would not show; get it elsewhere"
                )));
            }
            part.remove()?;
            (0, total)
        }
        StatusCode::PARTIAL_CONTENT => match range {
            Some(ContentRange { first: Some(first), total }) if first == have => (have, total),
            _ => {
                part.remove()?;
                return failed("the server sent another range than was asked for");
            }
        },
        StatusCode::RANGE_NOT_SATISFIABLE if range.and_then(|range| range.total) == Some(have) => {
            return Ok(Attempt::Whole);
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            part.remove()?;
            return failed("the server's file is shorter than what had come");
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => return busy(status, &headers),
        _ if status.is_server_error() => return busy(status, &headers),
        _ => {
            return Err(Error::run(format!(
                "cannot download {shown}: the server answers {status}; check the address"
            )));
        }
    };

    let mut file = part.open(written)?;
    let version = version(&headers).map(str::to_owned).or_else(|| known.map(|(version, _)| version));
    let what = format!("downloading {}", shown.rsplit('/').next().unwrap_or(&shown));
    let mut kept = Instant::now();
    let ended = loop {
        match next(&pieces, job) {
            Ok(Some(Ok(Piece::Body(bytes)))) => {
                file.write_all(&bytes).map_err(Error::io("write", &part.file))?;
                written += bytes.len() as u64;
                let (done, total) = (written / MEGABYTE, total.unwrap_or(written) / MEGABYTE);
                job.emit(Event::Progress { what: what.clone(), done, total, unit: "MB" });
                if kept.elapsed() > KEEP_EVERY {
                    part.keep(&file, version.as_deref(), written)?;
                    kept = Instant::now();
                }
            }
            Ok(Some(Ok(Piece::Head(..)))) => {}
            Ok(Some(Err(reason))) => break failed(reason),
            Ok(None) if total.is_some_and(|total| total != written) => {
                break failed(format!("{written} of {} bytes came", total.unwrap_or_default()));
            }
            Ok(None) => break Ok(Attempt::Whole),
            Err(stopped) => break Err(stopped),
        }
    };
    part.keep(&file, version.as_deref(), written)?;
    ended
}

/// Sends a request and reads the answer on a thread of its own, so that a signal is heard while the server says nothing.
/// The thread ends with the answer, or at its next piece once nobody listens.
fn send(client: Client, request: Request) -> Receiver<std::result::Result<Piece, String>> {
    let (sender, pieces) = sync_channel(BACKLOG);
    thread::spawn(move || {
        let mut answer = match client.execute(request) {
            Ok(answer) => answer,
            Err(error) => {
                sender.send(Err(reasons(&error.without_url()))).ok();
                return;
            }
        };
        let mut piece = Ok(Piece::Head(answer.status(), answer.version(), answer.headers().clone()));
        while sender.send(piece).is_ok() {
            let mut bytes = vec![0; CHUNK];
            piece = match answer.read(&mut bytes) {
                Ok(0) => return,
                Ok(length) => {
                    bytes.truncate(length);
                    Ok(Piece::Body(bytes))
                }
                Err(error) => {
                    sender.send(Err(reasons(&error))).ok();
                    return;
                }
            };
        }
    });
    pieces
}

/// The next piece, or nothing after the last.
fn next(
    pieces: &Receiver<std::result::Result<Piece, String>>,
    job: &Job,
) -> Result<Option<std::result::Result<Piece, String>>> {
    loop {
        job.check()?;
        match pieces.recv_timeout(POLL) {
            Ok(piece) => return Ok(Some(piece)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn failed(reason: impl Into<String>) -> Result<Attempt> {
    Ok(Attempt::Failed { reason: reason.into(), pause: None })
}

fn busy(status: StatusCode, headers: &HeaderMap) -> Result<Attempt> {
    let pause = number(headers, RETRY_AFTER).map(Duration::from_secs);
    Ok(Attempt::Failed { reason: format!("the server answers {status}"), pause })
}

fn wait(pause: Duration, job: &Job) -> Result<()> {
    let end = Instant::now() + pause;
    loop {
        job.check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(POLL));
    }
}

fn number(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The header of that name: `bytes 5-9/10`, or `bytes */10` of a range that is not there.
struct ContentRange {
    first: Option<u64>,
    total: Option<u64>,
}

impl ContentRange {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
        let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let first = range.split_once('-').and_then(|(first, _)| first.parse().ok());
        Some(Self { first, total: total.parse().ok() })
    }
}

/// An error and what it comes from, in one clause.
fn reasons(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
