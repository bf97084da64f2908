//! What is kept of a run, and what `runner gc` takes away.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use basin_core::checkpoint::Reader;
use basin_core::run::RunDir;
use serde_json::Value;

use crate::common::*;

/// The small run over five epochs, of which all are kept.
fn with_all_epochs(folder: &Path, more: &[&str]) {
    let settings = ["--set", "train.epochs=5", "--set", "train.keep_every=1"];
    success(train(folder, &[&settings, more].concat()));
}

fn gc(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = runner(folder);
    command.arg("gc").args(arguments);
    command
}

/// The epochs of checkpoints in a run's folder.
fn epochs(run: &Path) -> BTreeSet<usize> {
    let files = fs::read_dir(run.join("checkpoints")).unwrap();
    let name = |file: std::io::Result<fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
    files.filter_map(|file| name(file).strip_prefix("ckpt-E")?.split('.').next()?.parse().ok()).collect()
}

/// The epoch that is the best.
fn best(run: &Path) -> usize {
    Reader::open(&run.join("checkpoints/ckpt-best.safetensors")).unwrap().metadata["epoch"].parse().unwrap()
}

/// Another folder that holds the run, with another text in its record.
fn copy(run: &Path, to: &Path, change: (&str, &str)) -> PathBuf {
    fs::create_dir_all(to.join("checkpoints")).unwrap();
    for file in fs::read_dir(run.join("checkpoints")).unwrap() {
        let file = file.unwrap().path();
        fs::hard_link(&file, to.join("checkpoints").join(file.file_name().unwrap())).unwrap();
    }
    let record = fs::read_to_string(run.join("run.ron")).unwrap();
    assert!(record.contains(change.0), "{record}");
    fs::write(to.join("run.ron"), record.replace(change.0, change.1)).unwrap();
    to.to_owned()
}

#[test]
fn training_keeps_what_the_settings_name() {
    let here = folder();
    let settings = ["--set", "train.epochs=4", "--set", "train.keep_every=0", "--set", "train.keep=[1,9]"];
    success(train(here.path(), &settings));
    assert_eq!(epochs(&run_folder(here.path())), BTreeSet::from([0, 1, 4]));
    // What is kept may change between two starts.
    let settings = ["--set", "train.epochs=6", "--set", "train.keep_every=5", "--set", "train.keep=[]"];
    success(train(here.path(), &settings));
    assert_eq!(epochs(&run_folder(here.path())), BTreeSet::from([0, 1, 5, 6]));
    failure(train(here.path(), &["--set", "train.keep=1"]), 2, &["train.keep=1", "does not fit"]);
}

#[test]
fn gc_takes_away_what_nobody_keeps_or_reads() {
    let here = folder();
    with_all_epochs(here.path(), &[]);
    let base = here.path().join("experiments");
    let run = run_folder(here.path());
    let all = BTreeSet::from([0, 1, 2, 3, 4, 5]);
    // A record of before there was `keep`.
    let replicate = copy(&run, &here.path().join("experiments-rep1").join(KEY), ("keep: [],", ""));
    let reader = ("finetune_from: None", &*format!("finetune_from: Some(\"{KEY}/ckpt-E003\")"));
    let tuned = copy(&run, &base.join("mine/tuned"), reader);
    let theirs = base.join("reference");
    fs::create_dir_all(theirs.join("train_tensorboard")).unwrap();
    fs::write(theirs.join("ckpt-E001.pth.tar"), "theirs").unwrap();

    // The runs were told to keep all.
    let shown = success(gc(here.path(), &["."]));
    assert!(shown.starts_with("nothing to remove") && shown.contains("--set train.keep_every=0"), "{shown}");
    assert_eq!(epochs(&run), all);

    // Of the run itself, keys of the registry start from epochs 0 and 2, and a run here from 3; of its replicate nobody does.
    let free = ["--set", "train.keep_every=0", "--json"];
    let dry: Value =
        serde_json::from_str(&success(gc(here.path(), &[&["pretrain", "--dry-run"], &free[..]].concat())))
            .unwrap();
    let surplus = |kept: &[usize], run: &Path| {
        let kept = [kept, &[0, 5, best(run)]].concat();
        all.iter().filter(|epoch| !kept.contains(epoch)).copied().collect::<Vec<_>>()
    };
    let expected = [(&run, surplus(&[2, 3], &run)), (&replicate, surplus(&[], &replicate))];
    let files: usize = expected.iter().map(|(_, epochs)| epochs.len()).sum();
    let bytes = files as u64 * fs::metadata(checkpoint(here.path(), "ckpt-E001")).unwrap().len();
    assert_eq!((&dry["files"], &dry["bytes"], &dry["dry_run"]), (&files.into(), &bytes.into(), &true.into()));
    assert_eq!((epochs(&run), epochs(&replicate)), (all.clone(), all.clone()));

    // A run that is being trained is left alone.
    let lock = RunDir::at(replicate.clone()).lock().unwrap();
    let mut command = gc(here.path(), &["pretrain"]);
    let output = command.args(&free[..2]).output().unwrap();
    assert!(
        stderr(&output).contains("-rep1") && stderr(&output).contains("being trained"),
        "{}",
        stderr(&output)
    );
    drop(lock);
    let left = |(_, gone): &(&PathBuf, Vec<usize>)| {
        all.iter().filter(|epoch| !gone.contains(epoch)).copied().collect::<BTreeSet<_>>()
    };
    assert_eq!((epochs(&run), epochs(&replicate)), (left(&expected[0]), all.clone()));
    let shown = success(gc(here.path(), &["pretrain", "--set", "train.keep_every=0"]));
    assert!(shown.ends_with("removed\n") && shown.contains("experiments-rep1/demo"), "{shown}");
    assert_eq!(epochs(&replicate), left(&expected[1]));

    // Nothing else has gone, and the run is still done.
    assert_eq!(
        (epochs(&tuned), fs::read_to_string(theirs.join("ckpt-E001.pth.tar")).unwrap()),
        (all, "theirs".to_owned())
    );
    let more = ["--set", "train.epochs=5"];
    assert!(stderr(&train(here.path(), &more).output().unwrap()).contains("is trained already"));
    assert!(best(&run) <= 5 && checkpoint(here.path(), "resume").is_file());
}

#[test]
fn what_is_wrong_with_a_request() {
    let here = folder();
    failure(gc(here.path(), &["."]), 3, &["there is no folder experiments", "-b"]);
    fs::create_dir_all(here.path().join("experiments/a")).unwrap();
    failure(gc(here.path(), &["nothing"]), 2, &["no run below experiments", "nothing", "runner configs"]);
    failure(gc(here.path(), &["("]), 2, &["("]);
    // What a run starts from is not known if its record is broken.
    fs::write(here.path().join("experiments/a/run.ron"), "(").unwrap();
    failure(gc(here.path(), &["."]), 3, &["run.ron is broken"]);
}
