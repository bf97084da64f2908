//! What the environment says of the hub, in the variables of Python's `huggingface_hub`.

use std::env::{var, var_os};
use std::path::PathBuf;

use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::error::{Error, Result};
use crate::file::{in_home, read_if_there};

/// Values that mean yes.
const YES: [&str; 4] = ["1", "ON", "YES", "TRUE"];

/// Whether no request may be made: `HF_HUB_OFFLINE`.
pub(super) fn is_offline() -> bool {
    var("HF_HUB_OFFLINE").is_ok_and(|value| YES.contains(&value.to_uppercase().as_str()))
}

/// The hub's address, which ends in `/`: `HF_ENDPOINT`, or the public one.
pub(super) fn endpoint() -> Result<Url> {
    let text = var("HF_ENDPOINT").ok().filter(|text| !text.is_empty());
    let text = text.unwrap_or_else(|| "https://huggingface.co".to_owned());
    let url = Url::parse(&(text.trim_end_matches('/').to_owned() + "/")).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| {
        Error::usage("HF_ENDPOINT is no address of a hub; set it to one such as https://huggingface.co")
    })
}

/// The folder of all repositories that were fetched: `HF_HUB_CACHE`, or `hub` in [`home`].
pub(super) fn cache() -> Result<PathBuf> {
    let named = folder("HF_HUB_CACHE").or_else(|| folder("HUGGINGFACE_HUB_CACHE"));
    named.or_else(|| home().map(|home| home.join("hub"))).ok_or_else(|| {
        Error::usage("this user has no cache folder for checkpoints of the hub; name one with HF_HUB_CACHE")
    })
}

/// What proves to the hub who asks: `HF_TOKEN`, or the file that `HF_TOKEN_PATH` names, or `token` in [`home`].
pub(super) fn authorization() -> Result<Option<HeaderValue>> {
    let Some(token) = token()? else { return Ok(None) };
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
        Error::usage("the token for the hub has characters that no token has; copy it to HF_TOKEN again")
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn token() -> Result<Option<String>> {
    let clean = |token: String| Some(token.trim().to_owned()).filter(|token| !token.is_empty());
    if let Some(token) = var("HF_TOKEN").ok().and_then(clean) {
        return Ok(Some(token));
    }
    let path = folder("HF_TOKEN_PATH").or_else(|| home().map(|home| home.join("token")));
    let bytes = path.map(|path| read_if_there(&path)).transpose()?.flatten();
    Ok(bytes.and_then(|bytes| clean(String::from_utf8_lossy(&bytes).into_owned())))
}

/// The folder of all that the library keeps: `HF_HOME`, or `huggingface` in the user's cache folder.
fn home() -> Option<PathBuf> {
    let caches = || folder("XDG_CACHE_HOME").or_else(|| dirs::home_dir().map(|home| home.join(".cache")));
    folder("HF_HOME").or_else(|| caches().map(|caches| caches.join("huggingface")))
}

/// The path that a variable names.
fn folder(variable: &str) -> Option<PathBuf> {
    var_os(variable).filter(|path| !path.is_empty()).map(|path| in_home(&path).into())
}
