//! Where a run's weights come from.

use std::path::{Path, PathBuf};

use super::head::probed_head;
use crate::checkpoint::{Location, NamedTensor, OWN_ENDING, Reader, Selection, StateDict, stem};
use crate::config::{Experiment, Head};
use crate::data::Preparation;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;
use crate::model::foreign::in_our_names;
use crate::model::positions::fitted_and_said;
use crate::model::{Arch, initial_state, initial_state_with_zero_head};
use crate::remote;
use crate::run::{REFERENCE_ENDING, absolute};

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

/// The weights before training: drawn, or those of `train.finetune_from` with the head that `train.head` asks for.
///
/// # Errors
/// [`Error::Data`] if no checkpoint is found, or if anything but the head differs in name or shape; those of [`remote::load`] and of
/// [`probed_head`].
pub fn start_state(experiment: &Experiment, arch: &Arch, base: &Path, job: &Job) -> Result<Start> {
    let fresh = drawn_state(experiment, arch, experiment.init_seed());
    match &experiment.train.finetune_from {
        None => Ok(Start { state: fresh, pretrained_sha256: None }),
        Some(source) => {
            let location = find_pretrained(source, base)?;
            let train = &experiment.train;
            let selection =
                Selection { part: train.finetune_part.as_deref(), strip: train.finetune_strip.as_deref() };
            let (checkpoint, sha256) = remote::load_selection(&location, selection, job)?;
            let loaded = in_our_names(checkpoint.state, &location, job);
            let loaded = without_prefix(arch, loaded, &location, job);
            let file = remote::local(&location, job)?;
            if let Some(warning) = Preparation::warning(&location, &file, &experiment.data)? {
                job.emit(Event::Note(warning));
            }
            let loaded = fitted_and_said(arch, loaded, &location, job);
            let report = report(
                arch,
                &loaded,
                train.head,
                &Reader::open_selection(&file, Selection { strip: None, ..selection })?,
                &location,
            );
            let state = take_over(arch, fresh, loaded, train.head, &location)?;
            job.emit(Event::Note(report));
            state.check_finite(&location)?;
            let state = match train.head {
                Head::Drawn | Head::Kept => state,
                Head::Probed => probed_head(state, arch, experiment, job)?,
            };
            Ok(Start { state, pretrained_sha256: Some(sha256) })
        }
    }
}

/// The weights without what stands before the names of all that the architecture has but its head, where that is one thing: what a
/// network inside another is called.
fn without_prefix(arch: &Arch, loaded: StateDict, location: &Location, job: &Job) -> StateDict {
    let names = arch.parameters.iter().filter(|spec| !spec.is_count() && !arch.is_head(&spec.name));
    let prefix = match loaded.prefixes_of(names.map(|spec| spec.name.as_str()))[..] {
        [prefix] => prefix.to_owned(),
        _ => return loaded,
    };
    let (all, loaded) = (loaded.tensors.len(), loaded.stripped(&prefix));
    let left_out = all - loaded.tensors.len();
    job.emit(Event::Note(format!(
        "the weights in {location} stand behind {prefix}, which is taken off; {left_out} other tensors are left out"
    )));
    loaded
}

/// Weights as `model.kwargs` want them drawn, by any seed.
pub fn drawn_state(experiment: &Experiment, arch: &Arch, seed: u64) -> StateDict {
    match experiment.model.kwargs.zero_fc_init {
        true => initial_state_with_zero_head(arch, seed),
        false => initial_state(arch, seed),
    }
}

/// The checkpoint that `source` names: the first of [`pretrained_paths`] that is there. What lies on a server is itself, and is not
/// asked for.
///
/// # Errors
/// [`Error::Data`] listing all that was tried.
pub fn find_pretrained(source: &str, base: &Path) -> Result<Location> {
    let named = Location::parse(source);
    if named.file().is_none() {
        return Ok(named);
    }
    let tried = pretrained_paths(source, base);
    if let Some(found) = tried.iter().find(|path| path.is_file()) {
        return Ok(found.clone().into());
    }
    let list: Vec<String> = tried.iter().map(|path| path.display().to_string()).collect();
    Err(Error::data(format!(
        "no pre-trained checkpoint found, tried {}; set train.finetune_from to the path of one",
        list.join(", ")
    )))
}

/// How a run's record names the checkpoint that `source` names, so that it is found from any folder: by its path from the root,
/// unless the base folder's runs or the reference's names lead to it; a URL without what only its owner may know.
pub(super) fn recorded(source: &str, base: &Path) -> String {
    let given = Location::parse(source);
    let Some(path) = given.file() else { return given.to_string() };
    let found = pretrained_paths(source, base).into_iter().find(|path| path.is_file());
    let is_typed = |found: &PathBuf| stem(found) == stem(path) && found.parent() == path.parent();
    match found.filter(is_typed) {
        Some(found) => absolute(&found).display().to_string(),
        None => source.to_owned(),
    }
}

/// The files that may be the checkpoint that `source` names: the path as given, the same with `.safetensors` for its ending, the
/// same below the base folder (`<key>/ckpt-E004` is found in that run's checkpoints, ours or the reference's), or the same epoch of our own ImageNet run in
/// place of the reference's. None for what lies on a server.
pub fn pretrained_paths(source: &str, base: &Path) -> Vec<PathBuf> {
    let ours = |path: &Path| path.with_file_name(stem(path) + OWN_ENDING);
    let theirs = |path: &Path| path.with_file_name(stem(path) + REFERENCE_ENDING);
    let in_run = |key: &Path, file: &Path| {
        let folder = base.join(key).join("checkpoints");
        [ours(file), theirs(file)].map(|file| folder.join(file.file_name().unwrap_or_default()))
    };
    let Location::File(given) = Location::parse(source) else { return Vec::new() };
    let mut tried = vec![given.clone(), ours(&given)];
    if let Some(file) = source.strip_prefix(REFERENCE_PRETRAINING.0) {
        tried.extend(in_run(Path::new(REFERENCE_PRETRAINING.1), Path::new(file)));
    } else if given.is_relative() {
        tried.extend(in_run(given.parent().unwrap_or(Path::new("")), &given));
    }
    tried.dedup();
    tried
}

/// A sentence on what is taken of the tensors that a checkpoint was `read` into, what is new, and what is left out of `whole`, its file.
fn report(arch: &Arch, read: &StateDict, head: Head, whole: &Reader, location: &Location) -> String {
    /// Names in one list.
    const SHOWN: usize = 8;
    let is_taken = |name: &str| head == Head::Kept || !arch.is_head(name);
    let taken: Vec<&str> =
        read.tensors.iter().map(|tensor| tensor.name.as_str()).filter(|name| is_taken(name)).collect();
    // The file has them behind a prefix, or by the names of another program.
    let is_left = |full: &str| {
        let mut ends = full.match_indices('.').map(|(at, _)| &full[at + 1..]).chain([full]);
        !ends.any(|end| taken.contains(&end))
    };
    let names = whole.tensors.iter().map(|tensor| tensor.name.as_str());
    let left_out: Vec<&str> = names.filter(|name| is_left(name)).collect();
    let count = whole.tensors.len().saturating_sub(taken.len());
    let own = arch.parameters.iter().map(|spec| spec.name.as_str());
    let new: Vec<&str> = own.filter(|name| !taken.contains(name)).collect();
    let listed = |names: &[&str]| match names {
        [] => "nothing".to_owned(),
        names if names.len() <= SHOWN => names.join(", "),
        names => format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
    };
    let left = match left_out.len() == count {
        true => listed(&left_out),
        false => format!("{count} tensors"),
    };
    let others = whole.parts.iter().map(|(part, _)| part.as_str());
    let others: Vec<&str> = others.filter(|part| !whole.part.starts_with(part)).collect();
    let part = match &others[..] {
        [] => String::new(),
        others => format!(" (part {}; the others are {})", whole.part, listed(others)),
    };
    format!(
        "{} tensors are taken from {location}{part}; new: {}; left out of {}: {left}",
        taken.len(),
        listed(&new),
        if part.is_empty() { "the file" } else { "the part" },
    )
}

/// Replaces all by the loaded tensors, the head too where it is kept. Counters may be missing: old PyTorch had none.
fn take_over(
    arch: &Arch,
    fresh: StateDict,
    mut loaded: StateDict,
    head: Head,
    location: &Location,
) -> Result<StateDict> {
    let is_taken = |tensor: &NamedTensor| head == Head::Kept || !arch.is_head(&tensor.name);
    loaded.tensors.retain(is_taken);
    let is_expected = |tensor: &&NamedTensor| {
        is_taken(tensor) && !(tensor.is_count() && loaded.get(&tensor.name).is_none())
    };
    let expected = fresh.tensors.iter().filter(is_expected);
    if let Some(problems) = loaded.mismatch(expected.map(|t| (t.name.as_str(), t.shape.as_slice()))) {
        let of_head = if head == Head::Kept { ", set train.head=drawn for other classes" } else { "" };
        return Err(Error::data(format!(
            "{location} does not fit the network: {problems}; choose a checkpoint of the same architecture, set model.arch{of_head}, or \
             name what to take by train.finetune_part and train.finetune_strip"
        )));
    }
    let replaced =
        fresh.tensors.into_iter().map(|tensor| loaded.get(&tensor.name).cloned().unwrap_or(tensor));
    Ok(StateDict { tensors: replaced.collect() })
}
