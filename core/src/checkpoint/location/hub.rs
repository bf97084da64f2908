//! A checkpoint on the Hugging Face hub, as it is typed.

use std::fmt;
use std::path::{Component, Path};

use crate::error::{Error, Result};

/// The branch that is meant where no revision is typed.
const MAIN: &str = "main";
/// The account whose repositories are named after timm's models.
const TIMM: &str = "timm";
/// What stands in the place of an owner where a repository is no model.
const OTHER_KINDS: [&str; 4] = ["datasets", "spaces", "kernels", "buckets"];

/// A place on the Hugging Face hub: a model's repository, a revision of it, and a file in it. It is typed as
/// `hf://owner/name[@revision][/file]`, as timm's `hf-hub:owner/name`, or as `timm:name` for `hf://timm/name`. Whether its parts can
/// be names on the hub says [`Self::check`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hub {
    /// As it was typed.
    text: String,
    /// The user or organisation.
    pub owner: String,
    /// The repository.
    pub name: String,
    /// A branch, a tag, a reference such as `refs/pr/1`, or a commit.
    pub revision: String,
    /// The file's path in the repository; `None` for its weights, whatever they are called there.
    pub file: Option<String>,
}

impl Hub {
    /// What a text names; `None` if it does not begin as a place on the hub does.
    pub fn parse(text: &str) -> Option<Self> {
        let of_timm = text.strip_prefix("timm:").map(|name| format!("{TIMM}/{name}"));
        let typed = text.strip_prefix("hf://").or_else(|| text.strip_prefix("hf-hub:"));
        let place = of_timm.as_deref().or(typed)?;
        let place = place.strip_prefix("models/").unwrap_or(place);
        let (owner, rest) = place.split_once('/').unwrap_or((place, ""));
        let (name, rest) = rest.split_at(rest.find(['@', '/']).unwrap_or(rest.len()));
        let (revision, rest) = match rest.strip_prefix('@') {
            Some(rest) => rest.split_at(length_of_revision(rest)),
            None => (MAIN, rest),
        };
        let file = rest.strip_prefix('/').filter(|file| !file.is_empty());
        let [text, owner, name, revision] = [text, owner, name, revision].map(str::to_owned);
        Some(Self { text, owner, name, revision, file: file.map(str::to_owned) })
    }

    /// Another file of the same revision, by its path in the repository.
    pub fn with_file(&self, file: &str) -> Self {
        let text = format!("hf://{}/{}/{file}", self.owner, self.label());
        Self { text, file: Some(file.to_owned()), ..self.clone() }
    }

    /// The repository at another revision.
    pub fn at(&self, revision: &str) -> Self {
        let hub = Self { revision: revision.to_owned(), file: None, ..self.clone() };
        Self { text: format!("hf://{}/{}", hub.owner, hub.label()), ..hub }
    }

    /// A file of another name in the folder of this one.
    pub fn beside(&self, name: &str) -> Self {
        let folder = self.file.as_deref().and_then(|file| file.rsplit_once('/'));
        self.with_file(&folder.map_or(name.to_owned(), |(folder, _)| format!("{folder}/{name}")))
    }

    /// The file's name, or that of the repository where no file is typed.
    pub fn last_name(&self) -> String {
        let file = self.file.as_deref().and_then(|file| file.rsplit('/').next());
        // A reference is no folder.
        file.map_or_else(|| self.label().replace('/', "-"), str::to_owned)
    }

    /// Names of the folders that [`Self::last_name`] lies in, from the outermost.
    pub fn folders(&self) -> Vec<String> {
        let mut folders = vec![self.owner.clone()];
        if let Some(file) = &self.file {
            folders.push(self.label());
            folders.extend(file.split('/').map(str::to_owned));
            folders.pop();
        }
        folders
    }

    /// The architecture that the repository is named after, as timm's are.
    pub fn architecture(&self) -> Option<&str> {
        (self.owner == TIMM).then_some(&self.name)
    }

    /// The repository without the file, as it can be typed.
    pub fn repository(&self) -> String {
        format!("hf://{}/{}", self.owner, self.name)
    }

    /// The repository's name, with the revision unless that is the usual one.
    fn label(&self) -> String {
        match self.revision.as_str() {
            MAIN => self.name.clone(),
            revision => format!("{}@{revision}", self.name),
        }
    }

    /// Checks that all parts can be names on the hub, and that the file lies in the repository.
    ///
    /// # Errors
    /// [`Error::Data`] saying which part cannot.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::data(format!("{self} names nothing on the hub: {what}")));
        if OTHER_KINDS.contains(&self.owner.as_str()) {
            return wrong("checkpoints lie in repositories of models; write hf://owner/name");
        }
        if self.owner.is_empty() || self.name.is_empty() {
            return wrong("it needs an owner and a name; write hf://owner/name");
        }
        if !is_id(&self.owner) || !is_id(&self.name) {
            return wrong(
                "owner and name have letters, digits, and single signs of - _ . between them; check both",
            );
        }
        if !is_revision(&self.revision) {
            return wrong("a revision is a branch, a tag, refs/pr/N or a commit, after the @; name a commit");
        }
        match &self.file {
            Some(file) if !file.split('/').all(is_file_name) => {
                wrong("the file's path leads out of the repository; write hf://owner/name/file")
            }
            _ => Ok(()),
        }
    }
}

/// The length of the revision that a text begins with. A reference has three parts, everything else has one.
fn length_of_revision(text: &str) -> usize {
    let parts = if text.starts_with("refs/") { 3 } else { 1 };
    text.match_indices('/').nth(parts - 1).map_or(text.len(), |(end, _)| end)
}

/// Whether the hub allows it as the name of an account or a repository.
fn is_id(name: &str) -> bool {
    const LONGEST: usize = 96;
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends_well = |byte: Option<u8>| byte.is_some_and(|byte| !b"-.".contains(&byte));
    name.bytes().all(is_inner)
        && name.len() <= LONGEST
        && ends_well(name.bytes().next())
        && ends_well(name.bytes().last())
        && !name.contains("--")
        && !name.contains("..")
}

fn is_revision(revision: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    let is_part = |part: &str| {
        part.bytes().all(is_inner)
            && !part.is_empty()
            && !part.starts_with(['-', '.'])
            && !part.contains("..")
    };
    revision.split('/').all(is_part)
}

/// Whether it names something in a folder on every system, and nothing above or below.
fn is_file_name(part: &str) -> bool {
    let mut components = Path::new(part).components();
    let is_one = matches!(components.next(), Some(Component::Normal(name)) if name == part);
    is_one && components.next().is_none() && !part.contains(['\\', ':']) && !part.contains(char::is_control)
}

impl fmt::Display for Hub {
    /// As it was typed.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.text.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_an_owner_a_name_a_revision_and_a_file() {
        let parts = |text: &str| {
            let Hub { text: typed, owner, name, revision, file } = Hub::parse(text).unwrap();
            assert_eq!(typed, text);
            assert!(Hub::parse(text).unwrap().check().is_ok(), "{text}");
            [owner, name, revision, file.unwrap_or_default()]
        };
        let dino = "vit_small_patch16_224.dino";
        assert_eq!(parts("hf://o/n"), ["o", "n", "main", ""]);
        assert_eq!(parts("hf://models/o/n/"), ["o", "n", "main", ""]);
        assert_eq!(parts("hf://o/n@v1.0/sub/a@b.pth"), ["o", "n", "v1.0", "sub/a@b.pth"]);
        assert_eq!(parts("hf://o/n@refs/pr/3/a.pth"), ["o", "n", "refs/pr/3", "a.pth"]);
        assert_eq!(parts(&format!("timm:{dino}")), ["timm", dino, "main", ""]);
        assert_eq!(parts(&format!("hf-hub:timm/{dino}@v1")), ["timm", dino, "v1", ""]);
        assert_eq!(Hub::parse(&format!("timm:{dino}")).unwrap().architecture(), Some(dino));
        for other in ["o/n", "s3://o/n", "./timm:n", "hf:o/n", "timm/n"] {
            assert_eq!(Hub::parse(other), None, "{other}");
        }
    }

    #[test]
    fn names_tell_repositories_and_revisions_apart() {
        let place = |text: &str| Hub::parse(text).unwrap();
        assert_eq!(
            (place("hf://o/n").last_name(), place("hf://o/n").folders()),
            ("n".into(), vec!["o".into()])
        );
        assert_eq!(place("hf://o/n@refs/pr/1").last_name(), "n@refs-pr-1");
        let file = place("hf://o/n@v1/sub/a.pth");
        assert_eq!(
            (file.last_name().as_str(), file.folders()),
            ("a.pth", ["o", "n@v1", "sub"].map(str::to_owned).to_vec())
        );
        assert_eq!(file.beside("b.pth"), place("hf://o/n@v1/sub/b.pth"));
        assert_eq!(place("timm:n").beside("b.pth"), place("hf://timm/n/b.pth"));
        assert_eq!(file.at("v2"), place("hf://o/n@v2"));
    }

    #[test]
    fn what_cannot_lie_on_the_hub_is_told() {
        for (text, part) in [
            ("hf://o", "an owner and a name"),
            ("hf://", "an owner and a name"),
            ("hf:///n", "an owner and a name"),
            ("timm:", "an owner and a name"),
            ("hf://datasets/o/n", "repositories of models"),
            ("hf://../n", "owner and name"),
            ("hf://o/a--b", "owner and name"),
            ("hf://o/a b", "owner and name"),
            ("hf://o/n@", "revision"),
            ("hf://o/n@a..b", "revision"),
            ("hf://o/n@v1?x", "revision"),
            ("hf://o/n@refs/../x/a.pth", "revision"),
            ("hf://o/n/../a.pth", "leads out"),
            ("hf://o/n//etc/passwd", "leads out"),
            ("hf://o/n/a\\..\\b.pth", "leads out"),
            ("hf://o/n/sub/.", "leads out"),
        ] {
            let message = Hub::parse(text).unwrap().check().unwrap_err().to_string();
            assert!(message.contains(text) && message.contains(part), "{message}");
        }
    }
}
