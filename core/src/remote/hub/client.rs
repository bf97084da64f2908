//! Requests to the hub: what a file is, its bytes, and what a repository has. The token goes to the endpoint and to nobody else.

use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, ETAG, HeaderMap, HeaderValue, LOCATION, RANGE,
};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;

use super::super::store::cause;
use super::super::wait::heard;
use super::cache::is_plain;
use super::environment;
use crate::checkpoint::{Hub, public};
use crate::error::{Error, Result};
use crate::job::Job;

/// A server that does not take a connection, or says nothing, for so long is given up.
const CONNECTING: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);
/// How often a silent hub is asked where the cache has nothing, and the first pause between; each further one doubles it.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// Redirections that are followed.
const MAX_REDIRECTS: usize = 10;
/// Longest list of a repository's files, bytes.
const LONGEST_LIST: usize = 32_000_000;

/// What the hub says to a request, unless it refuses.
pub(super) enum Answer<T> {
    /// What was asked for.
    Given(T),
    /// The repository has no such file.
    Missing,
    /// The hub cannot be reached, for this reason, or what answers is none.
    Silent(String),
}

/// What the hub says of a file.
pub(super) struct Metadata {
    /// The commit that the revision names.
    pub commit: String,
    /// What the bytes are called: their SHA-256 if Git LFS has them.
    pub etag: String,
    /// How many there are.
    pub bytes: Option<u64>,
}

/// Who talks to the hub.
pub(super) struct Client {
    http: reqwest::Client,
    endpoint: Url,
    authorization: Option<HeaderValue>,
}

impl Client {
    /// Reads the environment, and asks nobody yet.
    ///
    /// # Errors
    /// [`Error::Usage`] if the environment is wrong, [`Error::Run`] if this system has no certificates to trust.
    pub fn new() -> Result<Self> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("basin/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]))
            .connect_timeout(CONNECTING)
            .read_timeout(SILENCE)
            .redirect(Policy::none());
        let http = http.build().map_err(|error| {
            Error::run(format!(
                "cannot prepare for downloads: {}; install the system's certificates (Debian: ca-certificates)",
                cause(&error)
            ))
        })?;
        Ok(Self { http, endpoint: environment::endpoint()?, authorization: environment::authorization()? })
    }

    /// What a file is at a revision.
    pub async fn ask(&self, place: &Hub, revision: &str, job: &Job<'_>) -> Result<Answer<Metadata>> {
        let response = match self.send(Method::HEAD, self.address(place, revision), 0, job).await? {
            Ok(response) => response,
            Err(reason) => return Ok(Answer::Silent(reason)),
        };
        let status = response.status();
        if !status.is_success() && !status.is_redirection() {
            return self.refusal(place, &response);
        }
        Ok(match metadata(&response) {
            Some(metadata) => Answer::Given(metadata),
            None => {
                Answer::Silent(format!("{} does not answer as a hub does", public(self.endpoint.as_str())))
            }
        })
    }

    /// The same, asked again where the hub is silent.
    pub async fn ask_patiently(
        &self,
        place: &Hub,
        revision: &str,
        job: &Job<'_>,
    ) -> Result<Answer<Metadata>> {
        for attempt in 1..ATTEMPTS {
            match self.ask(place, revision, job).await? {
                Answer::Silent(_) => pause(attempt, job).await?,
                answer => return Ok(answer),
            }
        }
        self.ask(place, revision, job).await
    }

    /// The bytes of a file of a commit from one on, or all of them if the server likes that better.
    pub async fn open(
        &self,
        place: &Hub,
        commit: &str,
        from: u64,
        job: &Job<'_>,
    ) -> Result<Answer<Response>> {
        Ok(match self.send(Method::GET, self.address(place, commit), from, job).await? {
            Ok(response) if response.status().is_success() => Answer::Given(response),
            Ok(response) if response.status() == StatusCode::RANGE_NOT_SATISFIABLE => Answer::Given(response),
            Ok(response) => return self.refusal(place, &response),
            Err(reason) => Answer::Silent(reason),
        })
    }

    /// The paths of all files that the repository has at the place's revision.
    pub async fn files(&self, place: &Hub, job: &Job<'_>) -> Result<Answer<Vec<String>>> {
        #[derive(Deserialize)]
        struct Listing {
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        let url = self.under(&["api", "models", &place.owner, &place.name, "revision", &place.revision]);
        let mut response = match self.send(Method::GET, url, 0, job).await? {
            Ok(response) if response.status().is_success() => response,
            Ok(response) => return self.refusal(place, &response),
            Err(reason) => return Ok(Answer::Silent(reason)),
        };
        let mut json = Vec::new();
        loop {
            match heard(job, response.chunk()).await? {
                Ok(Some(piece)) if json.len() + piece.len() <= LONGEST_LIST => json.extend_from_slice(&piece),
                Ok(Some(_)) => return Ok(Answer::Silent("its list of files is too long".to_owned())),
                Ok(None) => break,
                Err(error) => return Ok(Answer::Silent(cause(&error.without_url()))),
            }
        }
        Ok(match serde_json::from_slice::<Listing>(&json) {
            Ok(listing) => Answer::Given(listing.siblings.into_iter().map(|file| file.rfilename).collect()),
            Err(_) => Answer::Silent("it does not list files as a hub does".to_owned()),
        })
    }

    /// The error where there is no such repository for this user.
    pub fn unknown(&self, place: &Hub) -> Error {
        Error::data(format!(
            "there is no {}, or it is private; check the name, or {}",
            place.repository(),
            self.how_to_be_let_in()
        ))
    }

    fn address(&self, place: &Hub, revision: &str) -> Url {
        let file = place.file.as_deref().unwrap_or_default();
        let parts =
            [place.owner.as_str(), &place.name, "resolve", revision].into_iter().chain(file.split('/'));
        self.under(&parts.collect::<Vec<_>>())
    }

    /// An address of the endpoint; what its parts have of an address's own signs is escaped.
    fn under(&self, parts: &[&str]) -> Url {
        let mut url = self.endpoint.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    /// Sends a request, to where redirections lead. A redirection away from who answers is the answer to `HEAD` where it says all of
    /// the file.
    async fn send(
        &self,
        method: Method,
        mut url: Url,
        from: u64,
        job: &Job<'_>,
    ) -> Result<std::result::Result<Response, String>> {
        for _ in 0..MAX_REDIRECTS {
            let mut request = self.http.request(method.clone(), url.clone());
            if from > 0 {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            let authorization = self.authorization.as_ref().filter(|_| self.is_own(&url));
            if let Some(authorization) = authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            let response = match heard(job, request.send()).await? {
                Ok(response) => response,
                Err(error) => return Ok(Err(cause(&error.without_url()))),
            };
            let Some(next) = target(&response) else { return Ok(Ok(response)) };
            let leaves = next.origin() != url.origin();
            if leaves && method == Method::HEAD && metadata(&response).is_some() {
                return Ok(Ok(response));
            }
            if url.scheme() == "https" && next.scheme() != "https" {
                return Ok(Err(
                    "it redirects from https to http, where anybody on the way may change the file"
                        .to_owned(),
                ));
            }
            url = next;
        }
        Ok(Err("it redirects without end".to_owned()))
    }

    /// Whether an address is the endpoint's own.
    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.endpoint.origin()
    }

    /// What an answer without what was asked for means.
    fn refusal<T>(&self, place: &Hub, response: &Response) -> Result<Answer<T>> {
        let (status, repository) = (response.status(), place.repository());
        let code = header(response, "x-error-code").unwrap_or_default();
        let problem = match code {
            "EntryNotFound" => return Ok(Answer::Missing),
            "RepoNotFound" => return Err(self.unknown(place)),
            "RevisionNotFound" => {
                format!("{repository} has no revision {}; check the branch, tag or commit", place.revision)
            }
            "GatedRepo" => format!(
                "{repository} is gated; accept its conditions at {}, and {}",
                public(self.under(&[&place.owner, &place.name]).as_str()),
                self.how_to_be_let_in()
            ),
            // Where the bytes lie, a refusal is no word of the hub.
            _ if !self.is_own(response.url()) => {
                let host = response.url().host_str().unwrap_or_default();
                return Ok(Answer::Silent(format!("{host} answers {status}")));
            }
            _ if status == StatusCode::NOT_FOUND => return Ok(Answer::Missing),
            _ if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status) => {
                format!("{repository} may not be read; {}", self.how_to_be_let_in())
            }
            _ => return Ok(Answer::Silent(format!("the hub answers {status}"))),
        };
        Err(Error::data(problem))
    }

    fn how_to_be_let_in(&self) -> &'static str {
        match self.authorization {
            Some(_) => "use another token in HF_TOKEN, since this one may not read it",
            None => "set HF_TOKEN to a token that may read it",
        }
    }
}

/// Waits before a further attempt, longer after each.
pub(super) async fn pause(attempt: u32, job: &Job<'_>) -> Result<()> {
    heard(job, tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(attempt - 1))).await
}

/// What a response says of a file; `None` if it says it not as the hub does.
fn metadata(response: &Response) -> Option<Metadata> {
    let commit = header(response, "x-repo-commit")?;
    let etag = header(response, "x-linked-etag").or_else(|| header(response, ETAG.as_str()))?;
    // A weak tag names the same bytes here.
    let etag = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"');
    let own = header(response, CONTENT_LENGTH.as_str()).filter(|_| response.status().is_success());
    let bytes = header(response, "x-linked-size").or(own).and_then(|bytes| bytes.trim().parse().ok());
    (is_plain(commit) && is_plain(etag)).then(|| Metadata {
        commit: commit.to_owned(),
        etag: etag.to_owned(),
        bytes,
    })
}

/// Where a redirection leads.
fn target(response: &Response) -> Option<Url> {
    let location = header(response, LOCATION.as_str()).filter(|_| response.status().is_redirection())?;
    response.url().join(location).ok()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}
