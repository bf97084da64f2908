//! Where a checkpoint lies: in a file, behind a URL, or on the Hugging Face hub.

mod hub;

use std::convert::Infallible;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ending;
use crate::file::in_home;

pub use hub::Hub;

/// Where a checkpoint lies. A text names a place on the hub if it begins with `hf://`, `hf-hub:` or `timm:`, a URL if it begins with
/// another scheme and `://`, as `s3://bucket/a.pth` does, and else a file. Shown and serialised, it is that text without what only a
/// URL's owner may know: user, password and query.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Location {
    /// A file of this machine, which need not exist.
    File(PathBuf),
    /// A URL with its query, which may hold a signature.
    Url(String),
    /// A place on the Hugging Face hub.
    Hub(Hub),
}

impl Location {
    /// What a text names, which need not be UTF-8 for a file.
    pub fn parse(text: &(impl AsRef<OsStr> + ?Sized)) -> Self {
        let text = text.as_ref();
        if let Some(hub) = text.to_str().and_then(Hub::parse) {
            return Self::Hub(hub);
        }
        match text.to_str().filter(|text| is_url(text)) {
            Some(url) => Self::Url(url.to_owned()),
            None => Self::File(in_home(text).into()),
        }
    }

    /// The file's path; `None` for what does not lie on this machine.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Url(_) | Self::Hub(_) => None,
        }
    }

    /// Whether it names a file that is not there. No server is asked.
    pub fn is_missing(&self) -> bool {
        self.file().is_some_and(|path| !path.exists())
    }

    /// The file name; that of a URL without its query, and the repository's where no file of the hub is named.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Url(url) => without_query(url).rsplit('/').next().unwrap_or_default().to_owned(),
            Self::Hub(hub) => hub.last_name(),
        }
    }

    /// The part of the file name that promises a format, such as `.pth.tar`; empty if none does.
    pub fn ending(&self) -> &'static str {
        ending(&self.name()).unwrap_or_default()
    }

    /// The file name without that part.
    pub fn stem(&self) -> String {
        let name = self.name();
        name.strip_suffix(self.ending()).unwrap_or(&name).to_owned()
    }

    /// Names of the folders that it lies in, as far as they are given, from the outermost.
    pub fn folders(&self) -> Vec<String> {
        match self {
            Self::File(path) => {
                let folder = path.parent().unwrap_or(Path::new(""));
                folder.iter().map(|part| part.to_string_lossy().into_owned()).collect()
            }
            Self::Url(url) => {
                let parts = without_query(url).split('/').filter(|part| !part.is_empty());
                let mut parts: Vec<String> = parts.map(str::to_owned).collect();
                parts.pop();
                parts
            }
            Self::Hub(hub) => hub.folders(),
        }
    }

    /// A file of another name in the same folder; that of a URL has no query.
    pub fn beside(&self, name: &str) -> Self {
        match self {
            Self::File(path) => Self::File(path.with_file_name(name)),
            Self::Url(url) => {
                let url = without_query(url);
                let folder = url.rsplit_once('/').map_or("", |(folder, _)| folder);
                Self::Url(format!("{folder}/{name}"))
            }
            Self::Hub(hub) => Self::Hub(hub.beside(name)),
        }
    }
}

/// A file name without the ending that promises a checkpoint's format.
pub fn stem(path: &Path) -> String {
    Location::from(path).stem()
}

/// A URL without its query.
pub(crate) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// A URL without user, password and query, as it may be shown and stored.
pub(crate) fn public(url: &str) -> String {
    let url = without_query(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = host.rsplit('@').next().unwrap_or(host);
    path.map_or(format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
}

/// Whether a text begins with a scheme and `://`. One letter is no scheme but a Windows drive.
fn is_url(text: &str) -> bool {
    let is_of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text.split_once("://").is_some_and(|(scheme, _)| scheme.len() > 1 && scheme.bytes().all(is_of_scheme))
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Url(url) => public(url).fmt(formatter),
            Self::Hub(hub) => hub.fmt(formatter),
        }
    }
}

impl FromStr for Location {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::parse(text))
    }
}

impl From<String> for Location {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.to_string()
    }
}

impl From<PathBuf> for Location {
    /// A file, even if its path looks like a URL.
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Location {
    /// A file, even if its path looks like a URL.
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_scheme_and_a_name_without_its_query() {
        for url in [
            "s3://bucket/a.pth",
            "gs://bucket/a.pth",
            "http://host/x/a.pth.tar",
            "https://host/x/a.pth?signature=b/c.pt",
            "https://host/a.safetensors#part",
            "ftp://a.pth",
        ] {
            let location = Location::parse(url);
            assert_eq!(location, Location::Url(url.to_owned()));
            assert_eq!((location.stem().as_str(), location.file()), ("a", None), "{url}");
            assert!(!location.is_missing() && url.starts_with(&location.to_string()), "{url}");
        }
        let signed = Location::parse("https://host/x/a.pth?signature=b/c.pt");
        assert_eq!(signed.beside("b.pth"), Location::parse("https://host/x/b.pth"));
        assert_eq!(signed.folders(), ["https:", "host", "x"]);
    }

    #[test]
    fn all_else_is_a_file() {
        for path in [
            "a.pth",
            "/s3/a.pth",
            "C:/a.pth",
            "c://a.pth",
            "://a.pth",
            "my runs://a.pth",
            "./s3://a.pth",
            "run:3/a.pth",
            "s3:x/a.pth",
        ] {
            let location = Location::parse(path);
            assert_eq!(location, Location::File(path.into()));
            assert!(
                location.is_missing() && location.stem() == "a" && location.to_string() == path,
                "{path}"
            );
        }
        assert_eq!(Location::parse("./timm:a.pth").file(), Some(Path::new("./timm:a.pth")));
        assert_eq!(Location::parse("is it?.pth").stem(), "is it?");
        assert_eq!(Location::parse("x/epoch:3.pth").beside("b.pt"), Location::parse("x/b.pt"));
        assert_eq!(Location::from(Path::new("s3://a.pth")).file(), Some(Path::new("s3://a.pth")));
    }

    #[test]
    fn a_place_on_the_hub_is_called_by_its_file_or_its_repository() {
        let location = Location::parse("timm:vit_small_patch16_224.dino");
        assert!(matches!(&location, Location::Hub(_)) && location.file().is_none() && !location.is_missing());
        assert_eq!((location.stem().as_str(), location.ending()), ("vit_small_patch16_224.dino", ""));
        let location = Location::parse("hf://o/n@v1/a.pth.tar");
        assert_eq!((location.stem().as_str(), location.ending()), ("a", ".pth.tar"));
        assert_eq!(location.beside("b.pt").to_string(), "hf://o/n@v1/b.pt");
    }

    #[test]
    fn its_text_is_kept() {
        for text in
            ["\"runs/a.pth\"", "\"runs/is it?.pth\"", "\"s3://bucket/a.pth\"", "\"timm:resnet18.a1_in1k\""]
        {
            let location: Location = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&location).unwrap(), text);
        }
    }

    #[test]
    fn what_opens_a_url_is_neither_shown_nor_stored() {
        let url = "https://me:secret@host:8080/x/a.pth?X-Amz-Signature=abc#part";
        let location = Location::parse(url);
        assert_eq!(location, Location::Url(url.to_owned()));
        for text in [location.to_string(), String::from(location)] {
            assert_eq!(text, "https://host:8080/x/a.pth");
        }
        assert_eq!(public("https://me:secret@host"), "https://host");
    }
}
