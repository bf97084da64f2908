//! Folders that the reference wrote: they are recognised everywhere, read by every command, and written into only by a run that is
//! asked to go on with theirs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{BEST_STEM, EPOCH_STEM, RunDir};
use crate::checkpoint::Location;
use crate::config::Registry;

/// The ending of the reference's checkpoints.
pub(crate) const REFERENCE_ENDING: &str = ".pth.tar";
/// How the names of TensorBoard's files begin.
const EVENTS: &str = "events.out.tfevents";

/// A run that the reference wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceRun {
    /// The last epoch whose checkpoint is there.
    pub last: Option<usize>,
    checkpoints: PathBuf,
}

impl ReferenceRun {
    /// The checkpoint after an epoch; 0 is before training.
    pub fn checkpoint(&self, epoch: usize) -> PathBuf {
        self.checkpoints.join(format!("{EPOCH_STEM}{epoch:03}{REFERENCE_ENDING}"))
    }

    /// The checkpoint that is best on the test split.
    pub fn best(&self) -> PathBuf {
        self.checkpoints.join(format!("{BEST_STEM}{REFERENCE_ENDING}"))
    }
}

impl RunDir {
    /// The run of the reference that the folder holds; `None` if it holds one of ours, or none.
    pub fn of_reference(&self) -> Option<ReferenceRun> {
        if self.record_path().exists() || self.resume().exists() {
            return None;
        }
        let names = |folder: &Path| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        let checkpoints = self.checkpoints();
        let epoch =
            |name: String| name.strip_prefix(EPOCH_STEM)?.strip_suffix(REFERENCE_ENDING)?.parse().ok();
        let last = names(&checkpoints).into_iter().filter_map(epoch).max();
        let has_events = || names(&self.events()).iter().any(|name| name.starts_with(EVENTS));
        (last.is_some() || has_events()).then_some(ReferenceRun { last, checkpoints })
    }

    /// Whether the reference's checkpoints lie in the folder, also where the run has been gone on with.
    pub(super) fn has_reference_checkpoints(&self) -> bool {
        let entries = std::fs::read_dir(self.checkpoints()).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().ends_with(REFERENCE_ENDING))
    }

    /// The checkpoint after an epoch as it is there: ours, or that of the reference; the name of ours where neither is.
    pub fn found_checkpoint(&self, epoch: usize) -> PathBuf {
        self.found(self.checkpoint(epoch), |reference| reference.checkpoint(epoch))
    }

    /// The same of the checkpoint that is best on the test split.
    pub fn found_best(&self) -> PathBuf {
        self.found(self.best(), ReferenceRun::best)
    }

    fn found(&self, ours: PathBuf, theirs: impl Fn(&ReferenceRun) -> PathBuf) -> PathBuf {
        let theirs = || self.of_reference().map(|reference| theirs(&reference)).filter(|path| path.is_file());
        if ours.is_file() { ours } else { theirs().unwrap_or(ours) }
    }

    /// The run of the reference that a checkpoint lies in.
    pub(crate) fn of_reference_checkpoint(checkpoint: &Location) -> Option<Self> {
        let run = Self(super::absolute(checkpoint.file()?).parent()?.parent()?.to_owned());
        run.of_reference().is_some().then_some(run)
    }
}

/// The folder of a key's replicate that the reference wrote, gone on with or not, where it is not below `<base>-rep<N>`: `-repN` ends
/// the name of a folder on the way, as in its script for CheXpert. `None` if there is none.
pub(crate) fn replicate_on_the_way(base: &Path, key: &str, replicate: u64) -> Option<RunDir> {
    let parts: Vec<&str> = key.split('/').collect();
    let place = |numbered: usize| {
        let named = parts.iter().enumerate().map(|(at, part)| match at == numbered {
            true => format!("{part}-rep{replicate}"),
            false => (*part).to_owned(),
        });
        RunDir(base.join(named.collect::<PathBuf>()))
    };
    let is_run = |run: &RunDir| run.of_reference().is_some() || run.record_path().is_file();
    (0..parts.len()).filter(|_| replicate > 0).map(place).find(is_run)
}

/// The key whose run a folder holds, by the folder's path, and which instance of it: `-repN` may end the name of the base folder, or,
/// as in the reference's script for CheXpert, that of a folder on the way.
pub fn key_of_folder(folder: &Path, registry: &Registry) -> Option<(String, u64)> {
    let parts: Vec<&OsStr> = folder.iter().collect();
    let is_known = |key: &str| registry.keys().any(|known| known == key);
    (0..parts.len()).find_map(|start| {
        let below: PathBuf = parts[start..].iter().collect();
        let key = below.to_string_lossy();
        if is_known(&key) {
            let base = start.checked_sub(1).map(|base| parts[base].to_string_lossy());
            let base = base.as_deref().and_then(replicate);
            return Some((key.into_owned(), base.map_or(0, |(_, replicate)| replicate)));
        }
        let (key, replicate) = without_replicate(&below);
        is_known(&key).then_some((key, replicate))
    })
}

/// A folder's path below its base as a key, and the number of a `-repN` in it, 0 without one.
pub(super) fn without_replicate(below: &Path) -> (String, u64) {
    let mut parts: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    for part in &mut parts {
        if let Some((name, number)) = replicate(part).map(|(name, number)| (name.to_owned(), number)) {
            *part = name;
            return (parts.join("/"), number);
        }
    }
    (parts.join("/"), 0)
}

/// The name and the number of `<name>-rep<number>`.
fn replicate(name: &str) -> Option<(&str, u64)> {
    let (name, number) = name.rsplit_once("-rep")?;
    Some((name, number.parse().ok().filter(|number| *number > 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_the_places_of_the_reference() {
        let registry = Registry::load().unwrap();
        let key = "train/chexpert/fixup_resnet50_nzfc/finetune-lr0.02-bs256";
        for (folder, replicate) in [
            ("/data/experiments/train/chexpert/fixup_resnet50_nzfc/finetune-lr0.02-bs256", 0),
            ("experiments-rep2/train/chexpert/fixup_resnet50_nzfc/finetune-lr0.02-bs256", 2),
            ("experiments/train/chexpert/fixup_resnet50_nzfc-rep1/finetune-lr0.02-bs256", 1),
        ] {
            assert_eq!(
                key_of_folder(Path::new(folder), &registry),
                Some((key.to_owned(), replicate)),
                "{folder}"
            );
        }
        assert_eq!(key_of_folder(Path::new("/home/me/runs/first"), &registry), None);
    }

    #[test]
    fn a_replicate_is_found_where_the_reference_keeps_it() {
        let base = tempfile::tempdir().unwrap();
        let there =
            base.path().join("train/chexpert/fixup_resnet50_nzfc-rep1/finetune-lr0.02-bs256/checkpoints");
        std::fs::create_dir_all(&there).unwrap();
        std::fs::write(there.join("ckpt-E003.pth.tar"), "").unwrap();
        let key = "train/chexpert/fixup_resnet50_nzfc/finetune-lr0.02-bs256";
        let found = replicate_on_the_way(base.path(), key, 1).unwrap();
        assert_eq!(found.of_reference().unwrap().last, Some(3));
        // It stays there when the run has been gone on with.
        std::fs::write(found.record_path(), "").unwrap();
        assert_eq!(replicate_on_the_way(base.path(), key, 1), Some(found));
        assert_eq!(replicate_on_the_way(base.path(), key, 2), None);
        assert_eq!(replicate_on_the_way(base.path(), key, 0), None);
    }
}
