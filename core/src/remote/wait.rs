//! Talking to a server without becoming deaf to signals.

use std::pin::pin;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::job::Job;

/// How soon a signal is heard.
pub(super) const POLL: Duration = Duration::from_millis(100);
/// What the progress of a download counts, bytes.
pub(super) const MEGABYTE: u64 = 1_000_000;

/// Does what talks to a server, on this thread.
pub(super) fn finish<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    // A provider that is installed already is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::run)?;
    let result = runtime.block_on(future);
    // The system may still be looking up a name, which must not hold up a stop.
    runtime.shutdown_background();
    result
}

/// What a future comes to, unless a signal comes first.
pub(super) async fn heard<T>(job: &Job<'_>, future: impl Future<Output = T>) -> Result<T> {
    let mut future = pin!(future);
    loop {
        job.check()?;
        if let Ok(value) = tokio::time::timeout(POLL, &mut future).await {
            return Ok(value);
        }
    }
}
