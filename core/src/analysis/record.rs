//! What an analysis was made from, and its result on disk.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::source::Source;
use crate::checkpoint::Location;
use crate::config::{Data, Experiment};
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::file::{self, FolderLock, digest, lock_folder, remove_temporaries, write_atomically};

/// Who is shown what an analysis has so far, whenever that is more.
pub type Watch<'a, T> = Option<&'a (dyn Fn(&T) + 'a)>;

/// Shows it what there is.
pub fn show<T>(watch: Watch<T>, so_far: &T) {
    if let Some(watch) = watch {
        watch(so_far);
    }
}

/// The networks and the images of an analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The checkpoints, in the order in which they were named.
    pub networks: Vec<Source>,
    /// The images, and how they are prepared.
    pub data: Data,
    /// Which of them.
    pub split: String,
    /// SHA-256 of their ids, labels and files, see [`Dataset::content_digest`].
    pub data_digest: String,
    /// How many.
    pub samples: usize,
}

impl Inputs {
    /// What `networks` and the samples of `dataset` say of themselves.
    pub fn new(experiment: &Experiment, dataset: &Dataset, split: Split, networks: &[&Source]) -> Self {
        Self {
            networks: networks.iter().map(|source| (*source).clone()).collect(),
            data: experiment.data.clone(),
            split: split.name().to_owned(),
            data_digest: dataset.content_digest(),
            samples: dataset.len(),
        }
    }

    /// Where the checkpoints lie, as they were named.
    pub fn locations(&self) -> Vec<Location> {
        self.networks.iter().map(|network| network.location.clone()).collect()
    }

    /// A folder name that only an analysis of the same networks on the same images has; `settings` is all else that its
    /// numbers depend on.
    pub fn name(&self, settings: &str) -> String {
        let stems: String = self.networks.iter().map(|network| network.stem() + "-").collect();
        let networks: String = self.networks.iter().map(|network| network.sha256.clone() + "\n").collect();
        let preparation = format!("{:?}", self.data.wherever());
        let digest =
            digest(format!("{networks}{}\n{}\n{preparation}\n{settings}", self.data_digest, self.split));
        format!("{}{}", shortened(stems), &digest[..8])
    }
}

/// What a folder's name begins with: file systems allow 255 bytes, and a digest follows.
pub(super) fn shortened(mut stems: String) -> String {
    const LONGEST: usize = 200;
    if stems.len() > LONGEST {
        stems.truncate(stems.floor_char_boundary(LONGEST));
        stems.push('-');
    }
    stems
}

/// Keeps other processes from working in a result's folder, which is made.
///
/// # Errors
/// Those of [`lock_folder`].
pub(super) fn claim(folder: &Path) -> Result<Claim> {
    let made = folder.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
    Ok(Claim { lock: lock_folder(folder)?, made })
}

/// Held while a process works in a result's folder.
#[derive(Debug)]
pub(super) struct Claim {
    lock: FolderLock,
    /// Folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
}

impl Drop for Claim {
    /// Where nothing was computed, nothing stays.
    fn drop(&mut self) {
        if self.made.first().is_some_and(|folder| self.lock.remove_if_alone(folder)) {
            self.made.iter().try_for_each(std::fs::remove_dir).ok();
        }
    }
}

/// A result that lies in a folder of its own as `result.json`.
pub trait Stored: Serialize + DeserializeOwned {
    /// The folder's name, which only the same analysis has.
    fn name(&self) -> String;

    /// What about its parts does not fit together, as a clause after "it"; somebody may have edited the file.
    fn misfit(&self) -> Option<String> {
        None
    }

    /// What a folder has, of whichever analysis of this kind.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Data`] naming a file that is missing or broken.
    fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("result.json");
        parse(&file::read(&path)?, &path)
    }

    /// What the folder has of the same analysis; `None` if it has nothing. What a kill has left half-written there is removed.
    ///
    /// # Errors
    /// [`Error::Data`] for a broken file, [`Error::Usage`] for one of another analysis.
    fn known(&self, folder: &Path) -> Result<Option<Self>> {
        remove_temporaries(folder);
        let path = folder.join("result.json");
        let Some(text) = file::read_if_there(&path)? else { return Ok(None) };
        let known: Self = parse(&text, &path)?;
        if known.name() != self.name() {
            return Err(Error::usage(format!(
                "{} holds another analysis, {}; choose another folder",
                folder.display(),
                known.name()
            )));
        }
        Ok(Some(known))
    }

    /// Writes `result.json`, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    fn save(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(Error::run)?;
        write_atomically(&folder.join("result.json"), |file| file.write_all(&json))
    }
}

fn parse<T: Stored>(text: &[u8], path: &Path) -> Result<T> {
    let broken = |what: &str| {
        Error::data(format!("{} is broken ({what}); remove it to compute it anew", path.display()))
    };
    let result: T = serde_json::from_slice(text).map_err(|error| broken(&error.to_string()))?;
    match result.misfit() {
        Some(clause) => Err(broken(&format!("it {clause}"))),
        None => Ok(result),
    }
}

/// A clause for [`Stored::misfit`] where pairs name networks that are not among so many.
pub(super) fn misfit_of_pairs(
    mut pairs: impl Iterator<Item = [usize; 2]>,
    networks: usize,
) -> Option<String> {
    let [one, two] = pairs.find(|pair| pair.iter().any(|network| *network >= networks))?;
    Some(format!("compares the networks {one} and {two} of {networks}"))
}
