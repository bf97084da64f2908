//! The registry: all keys, the reference's first and in its order.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::family::File;
use super::overrides::{apply_overrides, nearest};
use super::parameters::regex;
use super::{Experiment, Seed};
use crate::error::{Error, Result};

/// The files of families that come with the program, in the order of their keys.
const FILES: [(&str, &str); 5] = [
    ("configs/reference/chexpert.ron", include_str!("../../../configs/reference/chexpert.ron")),
    ("configs/reference/domainnet.ron", include_str!("../../../configs/reference/domainnet.ron")),
    ("configs/cifar10.ron", include_str!("../../../configs/cifar10.ron")),
    ("configs/imagenet.ron", include_str!("../../../configs/imagenet.ron")),
    ("configs/demo.ron", include_str!("../../../configs/demo.ron")),
];

/// All experiments that have a key.
#[derive(Debug)]
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
        Self::new(FILES.iter().map(|(name, text)| File::parse(name, text)).collect::<Result<_>>()?)
    }

    /// The families that come with the program, then those of the files `*.ron` in a folder, sorted by name. What lies in folders
    /// inside it, such as `studies`, is not read.
    ///
    /// # Errors
    /// [`Error::Usage`] with file, line and column, naming both files of a key that is there twice; [`Error::Io`] if the folder
    /// cannot be read.
    pub fn with_folder(folder: &Path) -> Result<Self> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let path = entry.map_err(Error::io("read", folder))?.path();
            if path.is_file() && path.extension().is_some_and(|ending| ending == "ron") {
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
        let mut files = Self::load()?.files;
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
            files.push(File::parse(&path.display().to_string(), &text)?);
        }
        Ok(Self { folder: Some(folder.to_owned()), ..Self::new(files)? })
    }

    fn new(files: Vec<File>) -> Result<Self> {
        let mut entries = Vec::new();
        let mut places: HashMap<String, String> = HashMap::new();
        for (f, file) in files.iter().enumerate() {
            for (i, family) in file.families.iter().enumerate() {
                let place = file.place(family.template());
                for member in 0..family.len() {
                    let key = family.key(member);
                    if let Some(earlier) = places.insert(key.clone(), place.clone()) {
                        return Err(Error::usage(format!(
                            "{place}: the key {key} is that of a family in {earlier} already; give it another"
                        )));
                    }
                    entries.push((key, [f, i, member]));
                }
            }
        }
        Ok(Self { files, entries, folder: None })
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
        let Some((_, [file, family, member])) = self.entries.iter().find(|(known, _)| known == key) else {
            return Err(Error::usage(format!(
                "unknown key {key}; the nearest are {}; list keys with `runner configs REGEX`",
                nearest(key, self.keys()).join(", ")
            )));
        };
        let file = &self.files[*file];
        file.experiment(&file.families[*family], *member)
    }

    /// The settings of a key with both of its seeds, and then with changes as `path=value`.
    ///
    /// # Errors
    /// Those of [`Self::get`] and [`apply_overrides`].
    pub fn seeded(&self, key: &str, seed: u64, set: &[String]) -> Result<Experiment> {
        let mut experiment = self.get(key)?;
        experiment.seed = Seed { init: seed, order: seed };
        apply_overrides(experiment, set)
    }
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
    let mut text = format!("{} configs found ====== with regex: {}\n", keys.len(), pattern.unwrap_or("*"));
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
