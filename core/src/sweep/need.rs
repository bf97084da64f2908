//! What a fine-tune waits for: a checkpoint that another run of the sweep, or of the registry, writes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::checkpoint::stem;
use crate::config::Registry;
use crate::run::{EPOCH_STEM, RunDir};
use crate::train::launch::TrainRequest;
use crate::train::start::{find_pretrained, pretrained_paths};

/// A checkpoint of another run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Key of the run that writes it.
    pub key: String,
    /// Where that run will write it.
    pub checkpoint: PathBuf,
    /// The task that writes it, if it is one of the sweep's.
    pub task: Option<usize>,
}

/// The path from the root, without a look at the disk: what is compared may not be there yet.
pub(super) fn lexical(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Who can write checkpoints.
pub(super) struct Known<'a> {
    /// The sweep's tasks by folder.
    pub runs: &'a HashMap<PathBuf, usize>,
    /// All keys.
    pub registry: &'a Registry,
}

impl Known<'_> {
    /// What a run waits for; nothing if it starts from random weights, or from a file that no key writes.
    pub fn need(&self, request: &TrainRequest) -> Option<Need> {
        let source = request.experiment.train.finetune_from.as_ref()?;
        let base = lexical(&request.base);
        pretrained_paths(source, &request.base).into_iter().find_map(|checkpoint| {
            let file = lexical(&checkpoint);
            let folder = file.parent().filter(|folder| folder.ends_with("checkpoints"))?;
            let run = folder.parent()?;
            let task = self.runs.get(run).copied();
            let key = run.strip_prefix(&base).ok().map(|key| key.to_string_lossy().into_owned());
            // A replicate's folder lies beside the base folder.
            let key = key.or_else(|| task.map(|_| run.display().to_string()))?;
            let is_known = task.is_some() || self.registry.keys().any(|known| known == key);
            is_known.then_some(Need { key, checkpoint, task })
        })
    }
}

impl Need {
    /// Whether the run can start: the checkpoint is there and will not change, or the run has begun and needs it no more.
    pub fn is_met(&self, request: &TrainRequest) -> bool {
        if request.run_dir().resume().is_file() {
            return true;
        }
        let Some(source) = &request.experiment.train.finetune_from else { return true };
        let is_there = find_pretrained(source, &request.base).is_ok();
        // That of an epoch is written once; the best one is replaced while its run goes on.
        is_there && (stem(&self.checkpoint).starts_with(EPOCH_STEM) || self.is_finished())
    }

    /// Whether a process works on the run that writes it.
    pub fn is_running(&self) -> bool {
        self.run().is_some_and(|run| run.is_locked())
    }

    /// Whether that run stands at its last epoch, and nobody goes on with it.
    fn is_finished(&self) -> bool {
        let Some(run) = self.run() else { return true };
        let record = run.read_record().ok().flatten();
        let is_there = |epochs: usize| run.checkpoint(epochs).is_file();
        !run.is_locked() && record.is_none_or(|record| is_there(record.experiment.train.epochs))
    }

    fn run(&self) -> Option<RunDir> {
        Some(RunDir::at(self.checkpoint.parent()?.parent()?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Result};
    use crate::sweep::{Wanted, tasks};

    #[test]
    fn the_best_checkpoint_counts_once_its_run_is_over() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::io("create", Path::new("a temporary folder")))?;
        let set = ["train.finetune_from=demo/Shapes_photo/fixup_resnet18/pretrain/ckpt-best".to_owned()];
        let wanted =
            Wanted { pattern: "Shapes_line.*finetune", replicates: &[0], base: folder.path(), set: &set };
        let tuned = tasks(&wanted, &Registry::load()?)?.remove(0);
        let need = tuned.need.unwrap();
        assert_eq!((need.key.as_str(), need.task), ("demo/Shapes_photo/fixup_resnet18/pretrain", None));
        assert!(!need.is_met(&tuned.request), "it is not there");
        let lock = need.run().unwrap().lock()?;
        std::fs::create_dir_all(need.checkpoint.parent().unwrap())
            .map_err(Error::io("create", folder.path()))?;
        std::fs::write(&need.checkpoint, "").map_err(Error::io("write", &need.checkpoint))?;
        assert!(need.is_running() && !need.is_met(&tuned.request), "it may still be replaced");
        drop(lock);
        assert!(need.is_met(&tuned.request));
        Ok(())
    }
}
