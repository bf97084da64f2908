//! Where a run's weights come from.

use std::path::{Path, PathBuf};

use crate::checkpoint::{NamedTensor, StateDict, stem};
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::model::init::zero_head;
use crate::model::{Arch, initial_state};
use crate::remote::{self, is_url};

/// The folder of the reference's ImageNet run, and the key of ours that stands in for it.
const REFERENCE_PRETRAINING: (&str, &str) =
    ("/mnt/data/logs/imagenet-lr01/", "pretrain/imagenet/fixup_resnet50/lr0.1");

/// The weights before training.
#[derive(Debug)]
pub struct Start {
    /// All of them.
    pub state: StateDict,
    /// SHA-256 of the checkpoint that they come from, if any.
    pub pretrained_sha256: Option<String>,
}

/// The weights before training: drawn, or those of `train.finetune_from` with a drawn head.
///
/// # Errors
/// [`Error::Data`] if no checkpoint is found, or if anything but the head differs in name or shape; those of [`remote::load`].
pub fn start_state(experiment: &Experiment, arch: &Arch, base: &Path, job: &Job) -> Result<Start> {
    let mut fresh = initial_state(arch, experiment.seed.init);
    if experiment.model.kwargs.zero_fc_init {
        zero_head(arch, &mut fresh);
    }
    match &experiment.train.finetune_from {
        None => Ok(Start { state: fresh, pretrained_sha256: None }),
        Some(source) => {
            let path = find_pretrained(source, base)?;
            let (checkpoint, sha256) = remote::load(&path, job)?;
            let state = take_over(arch, fresh, checkpoint.state, &path)?;
            Ok(Start { state, pretrained_sha256: Some(sha256) })
        }
    }
}

/// The checkpoint that `source` names: the first of [`pretrained_paths`] that is there. A URL is itself, and is not asked.
///
/// # Errors
/// [`Error::Data`] listing all that was tried.
pub fn find_pretrained(source: &str, base: &Path) -> Result<PathBuf> {
    if is_url(Path::new(source)) {
        return Ok(PathBuf::from(source));
    }
    let tried = pretrained_paths(source, base);
    if let Some(found) = tried.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    let list: Vec<String> = tried.iter().map(|path| path.display().to_string()).collect();
    Err(Error::data(format!(
        "no pre-trained checkpoint found, tried {}; name one with --set train.finetune_from=PATH",
        list.join(", ")
    )))
}

/// Where the checkpoint that `source` names may lie: a path as given, with `.safetensors` for its ending, the same below the base
/// folder (`<key>/ckpt-E004` is found in that run's checkpoints), or the same epoch of our own ImageNet run in place of the
/// reference's.
pub fn pretrained_paths(source: &str, base: &Path) -> Vec<PathBuf> {
    let ours = |path: &Path| path.with_file_name(format!("{}.safetensors", stem(path)));
    let in_run = |key: &Path, file: &Path| {
        base.join(key).join("checkpoints").join(ours(file).file_name().unwrap_or_default())
    };
    let given = PathBuf::from(source);
    let mut tried = vec![given.clone(), ours(&given)];
    if let Some(file) = source.strip_prefix(REFERENCE_PRETRAINING.0) {
        tried.push(in_run(Path::new(REFERENCE_PRETRAINING.1), Path::new(file)));
    } else if given.is_relative() {
        tried.push(in_run(given.parent().unwrap_or(Path::new("")), &given));
    }
    tried.dedup();
    tried
}

/// Replaces all but the head by the loaded tensors. Counters may be missing: old PyTorch had none.
fn take_over(arch: &Arch, fresh: StateDict, loaded: StateDict, path: &Path) -> Result<StateDict> {
    let body = |state: StateDict| StateDict {
        tensors: state.tensors.into_iter().filter(|tensor| !arch.is_head(&tensor.name)).collect(),
    };
    let loaded = body(loaded);
    let is_expected = |tensor: &&NamedTensor| {
        !(arch.is_head(&tensor.name) || tensor.is_count() && loaded.get(&tensor.name).is_none())
    };
    let expected = fresh.tensors.iter().filter(is_expected);
    if let Some(problems) = loaded.mismatch(expected.map(|t| (t.name.as_str(), t.shape.as_slice()))) {
        return Err(Error::data(format!(
            "{} does not fit the network: {problems}; choose a checkpoint of the same architecture or set model.arch",
            path.display()
        )));
    }
    let replaced =
        fresh.tensors.into_iter().map(|tensor| loaded.get(&tensor.name).cloned().unwrap_or(tensor));
    Ok(StateDict { tensors: replaced.collect() })
}
