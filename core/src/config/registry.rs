//! The registry: all keys, the reference's first and in its order.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::family::{Earlier, Family, File, check_key};
use super::overrides::apply_overrides;
use super::{Experiment, Seed};
use crate::error::{Error, Result};
use crate::file::{in_home, read_text};
use crate::number;
use crate::setting::{nearest, regex};

/// The files of families that come with the program, in the order of their keys.
const FILES: [(&str, &str); 6] = [
    ("configs/reference/chexpert.ron", include_str!("../../../configs/reference/chexpert.ron")),
    ("configs/reference/domainnet.ron", include_str!("../../../configs/reference/domainnet.ron")),
    ("configs/cifar10.ron", include_str!("../../../configs/cifar10.ron")),
    ("configs/imagenet.ron", include_str!("../../../configs/imagenet.ron")),
    ("configs/demo.ron", include_str!("../../../configs/demo.ron")),
    ("configs/lpft.ron", include_str!("../../../configs/lpft.ron")),
];

/// Keys that there may be.
const MOST_KEYS: usize = 20_000;

/// All experiments that have a key.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    files: Vec<File>,
    /// Key, and file, family and member that it stands for.
    entries: Vec<(String, [usize; 3])>,
    /// The folder of one's own families.
    folder: Option<PathBuf>,
}

impl Registry {
    /// Reads the families that come with the program.
    ///
    /// # Errors
    /// [`Error::Usage`] with file, line and column.
    pub fn load() -> Result<Self> {
        let mut registry = Self::default();
        registry.add(FILES.iter().map(|(name, text)| File::parse(name, text)).collect::<Result<_>>()?)?;
        Ok(registry)
    }

    /// These families, then those of the files `*.ron` in a folder, sorted by name. What lies in folders inside it, such as `studies`,
    /// is not read.
    ///
    /// # Errors
    /// [`Error::Usage`] with file, line and column, naming both files of a key that is there twice; [`Error::Io`] if the folder
    /// cannot be read.
    pub fn with_folder(mut self, folder: &Path) -> Result<Self> {
        let folder = &PathBuf::from(in_home(folder.as_os_str()));
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let path = entry.map_err(Error::io("read", folder))?.path();
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if path.is_file() && !is_hidden && path.extension().is_some_and(|ending| ending == "ron") {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Err(Error::usage(format!(
                "{} holds no families; write one as a file *.ron, or leave --configs and BASIN_CONFIGS out",
                folder.display()
            )));
        }
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let text = read_text(&path)?;
            // Some editors begin a file with a byte-order mark.
            files.push(File::parse(&path.display().to_string(), text.trim_start_matches('\u{feff}'))?);
        }
        self.add(files)?;
        self.folder = Some(folder.to_owned());
        Ok(self)
    }

    /// Adds files, and checks the settings of all their keys.
    fn add(&mut self, files: Vec<File>) -> Result<()> {
        let place = |files: &[File], [file, family, _]: [usize; 3]| {
            let file = &files[file];
            file.place(file.families[family].template())
        };
        let mut places: HashMap<String, [usize; 3]> = self.entries.iter().cloned().collect();
        let first = self.files.len();
        self.files.extend(files);
        for (f, file) in self.files.iter().enumerate().skip(first) {
            for (i, family) in file.families.iter().enumerate() {
                let here = || place(&self.files, [f, i, 0]);
                let members = family.len();
                if self.entries.len().saturating_add(members) > MOST_KEYS {
                    return Err(Error::usage(format!(
                        "{}: with the {members} members of the family {} there are more than {MOST_KEYS} keys; take options away",
                        here(),
                        family.template()
                    )));
                }
                for member in 0..members {
                    let key = family.key(member);
                    check_key(&key).map_err(|wrong| Error::usage(format!("{}: {wrong}", here())))?;
                    if let Some(earlier) = places.insert(key.clone(), [f, i, member]) {
                        return Err(Error::usage(format!(
                            "{}: the key {key} is that of a family in {} already; give it another",
                            here(),
                            place(&self.files, earlier)
                        )));
                    }
                    let earlier = Earlier { all: &self.files, files: f, keys: &self.entries, depth: 0 };
                    file.settings(family, member, &earlier)?;
                    self.entries.push((key, [f, i, member]));
                }
            }
        }
        Ok(())
    }

    /// The folder of one's own families, if there is one.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(key, _)| key.as_str())
    }

    /// The keys in which a regular expression is found, in order.
    ///
    /// # Errors
    /// [`Error::Usage`] if it is none.
    pub fn matching(&self, pattern: &str) -> Result<Vec<&str>> {
        let regex = regex(pattern)?;
        Ok(self.keys().filter(|key| regex.is_match(key)).collect())
    }

    /// The settings of a key.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the nearest keys if there is none of this name.
    pub fn get(&self, key: &str) -> Result<Experiment> {
        let (at, file, family) = self.entry(key)?;
        let earlier =
            Earlier { all: &self.files, files: self.entries[at].1[0], keys: &self.entries[..at], depth: 0 };
        file.experiment(family, self.entries[at].1[2], &earlier)
    }

    /// The place of a key among all, and its file and family.
    fn entry(&self, key: &str) -> Result<(usize, &File, &Family)> {
        let Some(at) = self.entries.iter().position(|(known, _)| known == key) else {
            return Err(Error::usage(format!(
                "unknown key {key}; the nearest are {}; list keys with `runner configs REGEX`",
                nearest(key, self.keys()).join(", ")
            )));
        };
        let [file, family, _] = self.entries[at].1;
        let file = &self.files[file];
        Ok((at, file, &file.families[family]))
    }

    /// The settings of a key with changes as `path=value`. Where they change the batch and not the learning rate, that follows if
    /// the family says so.
    ///
    /// # Errors
    /// Those of [`Self::get`] and [`apply_overrides`].
    pub fn changed(&self, key: &str, set: &[String]) -> Result<Experiment> {
        self.change(self.get(key)?, set)
    }

    fn change(&self, experiment: Experiment, set: &[String]) -> Result<Experiment> {
        let (key, batch) = (experiment.key.clone(), experiment.train.batch_size);
        let mut changed = apply_overrides(experiment, set)?;
        if self.follows_batch(&key)? && !sets_rate(set) {
            changed.optimizer.base_lr *= changed.train.batch_size as f64 / batch as f64;
        }
        Ok(changed)
    }

    /// Whether the learning rate of a key grows with its batch: its family decides, or that of the key which it starts from.
    fn follows_batch(&self, key: &str) -> Result<bool> {
        let (mut key, mut before) = (key.to_owned(), usize::MAX);
        loop {
            let (at, _, family) = self.entry(&key)?;
            if let Some(follows) = family.follows_batch() {
                return Ok(follows);
            }
            // Only an earlier key can be a base.
            let base = family.base_key(self.entries[at].1[2]);
            if at >= before || !self.entries[..at].iter().any(|(known, _)| *known == base) {
                return Ok(false);
            }
            (key, before) = (base, at);
        }
    }

    /// A sentence where changes leave the learning rate at that of another batch; `None` where there is nothing to say.
    ///
    /// # Errors
    /// Those of [`Self::changed`].
    pub fn kept_rate(&self, key: &str, set: &[String]) -> Result<Option<String>> {
        let (before, after) = (self.get(key)?, self.changed(key, set)?);
        let [batch, new_batch] = [&before, &after].map(|experiment| experiment.train.batch_size);
        let rate = after.optimizer.base_lr;
        let is_kept = new_batch != batch && rate == before.optimizer.base_lr && !sets_rate(set);
        Ok(is_kept.then(|| {
            format!(
                "the learning rate stays {}, which the key has for batches of {batch}; in proportion to {new_batch} it would be {}",
                number::general(rate),
                number::general(rate * new_batch as f64 / batch as f64)
            )
        }))
    }

    /// The settings of a key with both of its seeds, and then with changes as `path=value`.
    ///
    /// # Errors
    /// Those of [`Self::get`] and [`apply_overrides`].
    pub fn seeded(&self, key: &str, seed: u64, set: &[String]) -> Result<Experiment> {
        let mut experiment = self.get(key)?;
        experiment.seed = Seed { init: seed, order: seed, ..experiment.seed };
        self.change(experiment, set)
    }
}

/// Whether changes name a learning rate.
fn sets_rate(set: &[String]) -> bool {
    set.iter().any(|text| text.split('=').next() == Some("optimizer.base_lr"))
}

/// The listing that the reference prints: a count, then a numbered line a key, from 0.
///
/// # Errors
/// [`Error::Usage`] if the pattern is no regular expression.
pub fn list(registry: &Registry, pattern: Option<&str>) -> Result<String> {
    let keys = match pattern {
        Some(pattern) => registry.matching(pattern)?,
        None => registry.keys().collect(),
    };
    let mut text = format!("{} configs found ====== with regex: {}\n", keys.len(), pattern.unwrap_or(".*"));
    for (number, key) in keys.iter().enumerate() {
        writeln!(text, "  {number:3}) {key}").map_err(Error::run)?;
    }
    Ok(text)
}

/// All settings of an experiment as RON, in the form that a run's folder holds them.
pub fn show(experiment: &Experiment) -> Result<String> {
    ron::ser::to_string_pretty(experiment, ron::ser::PrettyConfig::default())
        .map_err(|error| Error::run(format!("the settings cannot be written: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r#"(
        bases: { "mine": { "train.epochs": 7, "train.batch_size": 64 } },
        families: [(
            key: "mine/{domain}/lr{lr}",
            base: "train/DomainNet_{domain}/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR",
            lr_follows_batch: true,
            set: {
                "optimizer.base_lr": "{lr} * 32 / 256", "train.epochs": "2 * 3",
                "lr_scheduler.kwargs.milestones": ["2 * 2", 5],
            },
            axes: [
                (name: "domain", options: [(label: "real"), (label: "clipart")]),
                (name: "lr", options: [(label: "0.1"), (label: "0.02")]),
            ],
        )],
    )"#;
    const SECOND: &str = r#"(
        families: [
            (key: "again", base: "mine/clipart/lr0.02", set: { "optimizer.name": "AdamW" }),
            (key: "short", base: "mine"),
            (key: "later", base: "even later"),
        ],
    )"#;

    fn with(files: &[(&str, &str)]) -> Result<Registry> {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
        Registry::load()?.with_folder(folder.path())
    }

    #[test]
    fn families_extend_keys_and_bases_before_them_and_compute() {
        let second = SECOND.replace("(key: \"short\", base: \"mine\"),", "");
        let second = second.replace("(key: \"later\", base: \"even later\"),", "");
        let registry = with(&[("p100_first.ron", FIRST), ("p200_second.ron", &second)]).unwrap();
        let key = "mine/clipart/lr0.02";
        let experiment = registry.get(key).unwrap();
        assert_eq!((experiment.key.as_str(), experiment.train.epochs), (key, 6));
        assert_eq!(
            (experiment.data.name.as_str(), experiment.optimizer.base_lr),
            ("DomainNet_clipart", 0.0025)
        );
        let again = registry.get("again").unwrap();
        assert_eq!((again.train.epochs, again.optimizer.base_lr), (6, 0.0025));
        let schedule = serde_json::to_value(&again.lr_scheduler).unwrap();
        assert_eq!(schedule["kwargs"]["milestones"], serde_json::json!([4, 5]));
        let settings = serde_json::to_value(&again.optimizer).unwrap();
        assert_eq!(settings["name"], "AdamW");
        assert!(settings["kwargs"].get("momentum").is_none(), "{settings}");

        let set = ["train.batch_size=64".to_owned()];
        for follows in [key, "again"] {
            assert_eq!(registry.changed(follows, &set).unwrap().optimizer.base_lr, 0.005);
        }
        assert_eq!(registry.kept_rate(key, &set).unwrap(), None);
        let theirs = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";
        let sentence = registry.kept_rate(theirs, &set).unwrap().unwrap();
        assert!(sentence.contains("stays 0.0125") && sentence.contains("would be 0.025"), "{sentence}");
        let both = [set[0].clone(), "optimizer.base_lr=0.1".to_owned()];
        assert_eq!(registry.changed(key, &both).unwrap().optimizer.base_lr, 0.1);
    }

    #[test]
    fn a_family_starts_from_nothing_that_comes_later() {
        let files = [("p100_first.ron", FIRST), ("p200_second.ron", SECOND)];
        let message = with(&files).unwrap_err().to_string();
        assert!(
            message.contains("p200_second.ron:5:") && message.contains("unknown base even later"),
            "{message}"
        );
        let swapped = [("p200_first.ron", FIRST), ("p100_second.ron", SECOND)];
        let message = with(&swapped).unwrap_err().to_string();
        assert!(
            message.contains("p100_second.ron:3:") && message.contains("mine/clipart/lr0.02"),
            "{message}"
        );
        let own = FIRST.replace(
            "train/DomainNet_{domain}/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR",
            "mine/real/lr0.1",
        );
        assert!(with(&[("own.ron", &own)]).unwrap_err().to_string().contains("unknown base mine/real/lr0.1"));
    }
}
