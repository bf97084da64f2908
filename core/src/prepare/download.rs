//! Fetching a file over HTTP, so that a cut connection, a busy server or a kill costs no byte that had come.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::blocking::{Client, Request};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderName, RANGE, RETRY_AFTER};

use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;

/// Ending of a file that has not come whole.
const PART: &str = ".part";
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
    Head(StatusCode, HeaderMap),
    Body(Vec<u8>),
}

/// How an attempt ended, if not for good.
enum Attempt {
    Whole,
    Failed { reason: String, pause: Option<Duration> },
}

/// Fetches `url` into `path`. Until it is whole it is `<path>.part`, with which the next call goes on.
///
/// # Errors
/// [`Error::Usage`] if `url` is none, [`Error::Run`] if the server has no such file or keeps failing, or this system has no
/// certificates to trust; [`Error::Io`], [`Error::Interrupted`].
pub(super) fn download(url: &str, path: &Path, job: &Job) -> Result<()> {
    let client = client()?;
    let part = PathBuf::from(format!("{}{PART}", path.display()));
    let (mut failures, mut furthest) = (0, length(&part));
    job.emit(Event::Note(match furthest {
        0 => format!("downloading {url}"),
        bytes => format!("downloading {url}, of which {} MB are there", bytes / MEGABYTE),
    }));
    loop {
        let (reason, pause) = match attempt(&client, url, &part, job)? {
            Attempt::Whole => break,
            Attempt::Failed { reason, pause } => (reason, pause),
        };
        if length(&part) > furthest {
            (failures, furthest) = (0, length(&part));
        }
        failures += 1;
        if failures == MAX_FAILURES {
            return Err(Error::run(format!(
                "cannot download {url}: {reason}; check the connection and run the same command again to go on"
            )));
        }
        let pause = pause.unwrap_or(FIRST_PAUSE * 2_u32.pow(failures - 1)).min(LONGEST_PAUSE);
        job.emit(Event::Note(format!("{url}: {reason}; trying again in {:.1} s", pause.as_secs_f64())));
        wait(pause, job)?;
    }
    std::fs::rename(&part, path).map_err(Error::io("write", path))
}

fn client() -> Result<Client> {
    // A provider that is installed already is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder()
        .user_agent(concat!("basin/", env!("CARGO_PKG_VERSION")))
        .timeout(SILENCE)
        .build()
        .map_err(|error| {
            Error::run(format!(
                "cannot prepare for downloads: {}; install the system's certificates (Debian: ca-certificates)",
                reasons(&error)
            ))
        })
}

fn attempt(client: &Client, url: &str, part: &Path, job: &Job) -> Result<Attempt> {
    let have = length(part);
    let mut request = client.get(url);
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
    }
    let is_web = |request: &Request| matches!(request.url().scheme(), "http" | "https");
    let Some(request) = request.build().ok().filter(is_web) else {
        return Err(Error::usage(format!(
            "{url} is no address of the web: it starts with http:// or https://"
        )));
    };
    let pieces = send(client.clone(), request);
    let (status, headers) = match next(&pieces, job)? {
        Some(Ok(Piece::Head(status, headers))) => (status, headers),
        Some(Err(reason)) => return failed(reason),
        _ => return failed("the server says nothing"),
    };
    let range = ContentRange::of(&headers);
    let (mut written, total) = match status {
        // A server that ignores the range sends all of it.
        StatusCode::OK => (0, number(&headers, CONTENT_LENGTH)),
        StatusCode::PARTIAL_CONTENT => match range {
            Some(ContentRange { first: Some(first), total }) if first == have => (have, total),
            _ => return start_over(part, "the server sent another range than was asked for"),
        },
        StatusCode::RANGE_NOT_SATISFIABLE if range.and_then(|range| range.total) == Some(have) => {
            return Ok(Attempt::Whole);
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            return start_over(part, "the server's file is shorter than what had come");
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => return busy(status, &headers),
        _ if status.is_server_error() => return busy(status, &headers),
        _ => {
            return Err(Error::run(format!(
                "cannot download {url}: the server answers {status}; check the address"
            )));
        }
    };

    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(part)
        .and_then(|file| file.set_len(written).map(|()| file))
        .map_err(Error::io("write", part))?;
    let what = format!("downloading {}", url.rsplit('/').next().unwrap_or(url));
    while let Some(piece) = next(&pieces, job)? {
        match piece {
            Ok(Piece::Body(bytes)) => {
                file.write_all(&bytes).map_err(Error::io("write", part))?;
                written += bytes.len() as u64;
                let (done, total) = (written / MEGABYTE, total.unwrap_or(written) / MEGABYTE);
                job.emit(Event::Progress { what: what.clone(), done, total, unit: "MB" });
            }
            Ok(Piece::Head(..)) => {}
            Err(reason) => return failed(reason),
        }
    }
    if total.is_some_and(|total| total != written) {
        return failed(format!("{written} of {} bytes came", total.unwrap_or_default()));
    }
    file.sync_all().map_err(Error::io("write", part))?;
    Ok(Attempt::Whole)
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
        let mut piece = Ok(Piece::Head(answer.status(), answer.headers().clone()));
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

fn start_over(part: &Path, reason: &str) -> Result<Attempt> {
    if part.exists() {
        std::fs::remove_file(part).map_err(Error::io("remove", part))?;
    }
    failed(reason)
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

/// Bytes of a file, 0 if there is none.
fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
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
