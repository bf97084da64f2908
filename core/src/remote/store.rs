//! The stores that URLs name, through `object_store`, which signs and repeats requests; and why they give nothing.

use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path as Location;
use object_store::{ClientConfigKey, ObjectStore, RetryConfig};
use reqwest::Url;

use crate::checkpoint::public;
use crate::error::{Error, Result};

/// How often a request is repeated, and within what time: as long as a download may take.
const RETRIES: usize = 4;
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// A download may last, but not be silent.
const LIMITS: [(ClientConfigKey, &str); 2] =
    [(ClientConfigKey::Timeout, "1 day"), (ClientConfigKey::ReadTimeout, "30 seconds")];
/// In the addresses where machines in the cloud are told their credentials.
const METADATA: [&str; 3] = ["/latest/api/token", "/latest/meta-data/", "/computeMetadata/"];

/// Why a store gives nothing.
pub(super) enum Refusal {
    /// There is no such file, or not for this user.
    Final(Error),
    /// It cannot be asked.
    Silence { reason: String, remedy: String },
}

/// The store that a URL names, and the place in it. Credentials and endpoints are those of the environment.
pub(super) fn open(url: &str) -> Result<(Box<dyn ObjectStore>, Location)> {
    let shown = public(url);
    let wrong = |what: &dyn std::fmt::Display| Error::data(format!("{shown} cannot be used: {what}"));
    let parsed = Url::parse(url).map_err(|error| wrong(&error))?;
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: PATIENCE, ..RetryConfig::default() };
    if parsed.path().trim_matches('/').is_empty() {
        return Err(wrong(&"it names no file; add its path"));
    }
    let store: object_store::Result<Box<dyn ObjectStore>> = match parsed.scheme() {
        "s3" => {
            let mut builder = AmazonS3Builder::from_env().with_url(url).with_retry(retry);
            for (key, value) in LIMITS {
                builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
            }
            builder.build().map(|store| Box::new(store) as _)
        }
        "gs" => {
            let mut builder = GoogleCloudStorageBuilder::from_env().with_url(url).with_retry(retry);
            for (key, value) in LIMITS {
                builder = builder.with_config(GoogleConfigKey::Client(key), value);
            }
            builder.build().map(|store| Box::new(store) as _)
        }
        scheme @ ("http" | "https") => {
            let mut builder = HttpBuilder::new().with_url(url).with_retry(retry);
            // Where https was typed, no redirection may lead to http.
            let allow_http = if scheme == "http" { "true" } else { "false" };
            for (key, value) in LIMITS.into_iter().chain([(ClientConfigKey::AllowHttp, allow_http)]) {
                builder = builder.with_config(key, value);
            }
            builder.build().map(|store| Box::new(store) as _)
        }
        scheme => {
            return Err(Error::data(format!(
                "{shown} cannot be read: {scheme}:// is none of hf://, s3://, gs://, https:// and http://; download the file and name its path"
            )));
        }
    };
    let location = match parsed.scheme() {
        // The store is the whole address, with its query.
        "http" | "https" => Location::default(),
        _ => Location::from_url_path(parsed.path()).map_err(|error| wrong(&error))?,
    };
    Ok((store.map_err(|error| wrong(&cause(&error)))?, location))
}

/// Why a store gave nothing, with what to do.
pub(super) fn refusal(url: &str, error: &object_store::Error) -> Refusal {
    use object_store::Error as Answer;
    let text = error.to_string();
    let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let variables = match url.split("://").next() {
        Some("s3") => {
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SKIP_SIGNATURE=true for a public bucket)"
        }
        Some("gs") => "GOOGLE_APPLICATION_CREDENTIALS (GOOGLE_SKIP_SIGNATURE=true for a public bucket)",
        _ => "a signed address",
    };
    Refusal::Final(Error::data(match error {
        Answer::NotFound { .. } if says(&["NoSuchBucket", "bucket does not exist"]) => {
            let bucket = url.split('/').nth(2).unwrap_or_default();
            format!(
                "{url} cannot be read: there is no bucket {bucket}; check its name, the region and the endpoint"
            )
        }
        Answer::NotFound { .. } => format!("there is no {url}; check the address"),
        Answer::PermissionDenied { .. } | Answer::Unauthenticated { .. } => {
            format!("{url} may not be read with these credentials; use others, with {variables}")
        }
        // Where none are set, a machine in the cloud is asked for its own.
        _ if says(&METADATA) => {
            let reason = "there are no credentials".to_owned();
            return Refusal::Silence { reason, remedy: format!("set {variables}") };
        }
        _ => {
            let remedy = "check the address and the connection".to_owned();
            return Refusal::Silence { reason: cause(error), remedy };
        }
    }))
}

/// What an error comes from in the end, in one line of bearable length.
pub(super) fn cause(error: &dyn std::error::Error) -> String {
    const LONGEST: usize = 200;
    let last = std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error);
    let line = last.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches(':').chars().take(LONGEST).collect()
}
