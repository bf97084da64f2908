//! However often a run is stopped, it ends with the same bytes.

use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::common::*;

fn start(folder: &std::path::Path) -> Child {
    train(folder, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn kill(child: &Child, signal: &str) {
    std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_with_the_bytes_of_one_that_is_not() {
    let whole = folder();
    let mut alone = train(whole.path(), &["--set", "train.data_workers=1"]);
    alone.env("RAYON_NUM_THREADS", "1");
    success(alone);

    let killed = folder();
    let mut kills = 0;
    for attempt in 0.. {
        let mut child = start(killed.path());
        sleep(Duration::from_millis(60 + 45 * attempt));
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            break;
        }
        // A polite signal saves within the epoch, so that the next run starts there and is killed in turn.
        kill(&child, if attempt % 3 == 2 { "-TERM" } else { "-KILL" });
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 3, "killed {kills} times only");
    for name in ["ckpt-E000", "ckpt-E002", "ckpt-best", "resume"] {
        let [one, two] = [&whole, &killed].map(|f| std::fs::read(checkpoint(f.path(), name)).unwrap());
        assert!(one == two, "{name} differs");
    }
    let predictions =
        |f: &tempfile::TempDir| std::fs::read(run_folder(f.path()).join("predictions/last.safetensors"));
    assert_eq!(predictions(&whole).unwrap(), predictions(&killed).unwrap());
    // No epoch is told twice.
    let epochs = |f: &tempfile::TempDir| {
        let text = std::fs::read_to_string(run_folder(f.path()).join("metrics.jsonl")).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter().map(|line| (line["epoch"].clone(), line["eval/test_loss"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(epochs(&killed), epochs(&whole));
    let scalars = basin_core::run::read_events(&run_folder(killed.path()).join("train_tensorboard")).unwrap();
    let mut seen = std::collections::HashSet::new();
    assert!(scalars.iter().all(|scalar| seen.insert((scalar.tag.clone(), scalar.step))), "{scalars:?}");
    assert_eq!(seen.iter().filter(|(tag, _)| tag == "eval/test_acc").count(), 3);
}

#[test]
fn signals_save_inside_an_epoch_and_leave_with_their_own_codes() {
    let whole = folder();
    success(train(whole.path(), &[]));
    let stopped = folder();
    let mut codes = Vec::new();
    for attempt in 0.. {
        let mut child = start(stopped.path());
        // Once the program is up, its handlers are in place well before the first image is drawn.
        sleep(Duration::from_millis(250 + 30 * attempt));
        kill(&child, if attempt % 2 == 0 { "-INT" } else { "-TERM" });
        let code = child.wait().unwrap().code();
        if code == Some(0) {
            break;
        }
        assert_eq!(code, Some(if attempt % 2 == 0 { 130 } else { 143 }));
        codes.push(code);
    }
    assert!(!codes.is_empty(), "never stopped");
    for name in ["ckpt-E002", "resume"] {
        let [one, two] = [&whole, &stopped].map(|f| std::fs::read(checkpoint(f.path(), name)).unwrap());
        assert!(one == two, "{name} differs");
    }
    let log = std::fs::read_to_string(run_folder(stopped.path()).join("run.log")).unwrap();
    let inside = |line: &str| line.starts_with("resuming in epoch") && !line.ends_with("after step 0");
    assert!(log.lines().any(inside), "never stopped within an epoch: {log}");
}

#[test]
fn a_finished_run_says_so_goes_on_with_more_epochs_and_refuses_other_settings() {
    let here = folder();
    success(train(here.path(), &[]));
    let before = std::fs::metadata(checkpoint(here.path(), "ckpt-E002")).unwrap().modified().unwrap();
    let output = train(here.path(), &[]).output().unwrap();
    assert!(output.status.success());
    assert!(stderr(&output).contains("trained already"), "{}", stderr(&output));
    assert_eq!(std::fs::metadata(checkpoint(here.path(), "ckpt-E002")).unwrap().modified().unwrap(), before);

    failure(
        train(here.path(), &["--set", "optimizer.base_lr=0.07"]),
        2,
        &["optimizer.base_lr: 0.05 -> 0.07", "--force"],
    );
    success(train(here.path(), &["--set", "train.data_workers=1", "--set", "train.epochs=3"]));
    let whole = folder();
    success(train(whole.path(), &["--set", "train.epochs=3"]));
    let [one, two] = [&whole, &here].map(|f| std::fs::read(checkpoint(f.path(), "ckpt-E003")).unwrap());
    assert!(one == two, "going on differs from training at once");

    success(train(here.path(), &["--set", "optimizer.base_lr=0.07", "--force"]));
    let aside = run_folder(here.path()).with_file_name("pretrain.old-1");
    assert!(aside.join("checkpoints/ckpt-E003.safetensors").is_file(), "the old run is kept");
}

#[test]
fn seeds_and_replicates_are_instances_of_a_key() {
    let here = folder();
    success(train(here.path(), &[]));
    success(train(here.path(), &["--replicate", "1"]));
    let other = here.path().join("experiments-rep1").join(KEY).join("checkpoints");
    assert_ne!(
        std::fs::read(other.join("ckpt-E000.safetensors")).unwrap(),
        std::fs::read(checkpoint(here.path(), "ckpt-E000")).unwrap()
    );
    // The same start in another order.
    success(train(here.path(), &["--set", "seed.order=1", "-w", "ordered"]));
    let ordered = here.path().join("ordered/checkpoints");
    let tensors = |path: &std::path::Path| basin_core::checkpoint::Checkpoint::load(path).unwrap().state;
    assert_eq!(
        tensors(&ordered.join("ckpt-E000.safetensors")),
        tensors(&checkpoint(here.path(), "ckpt-E000"))
    );
    assert_ne!(
        tensors(&ordered.join("ckpt-E002.safetensors")),
        tensors(&checkpoint(here.path(), "ckpt-E002"))
    );
}

#[test]
fn what_is_not_whole_is_never_believed() {
    let here = folder();
    let one_epoch = || train(here.path(), &["--set", "train.epochs=1"]);
    success(one_epoch());
    let resume = checkpoint(here.path(), "resume");
    let bytes = std::fs::read(&resume).unwrap();
    for more in [&[][..], &["--set", "train.epochs=2"]] {
        std::fs::write(&resume, &bytes[..bytes.len() / 2]).unwrap();
        let mut command = one_epoch();
        command.args(more);
        failure(command, 3, &["resume.safetensors is broken", "--force"]);
    }
    std::fs::remove_file(&resume).unwrap();
    failure(one_epoch(), 3, &["resume.safetensors is missing", "--force"]);
    std::fs::write(&resume, &bytes).unwrap();

    // What a kill leaves of a file being written is no checkpoint, and goes with the next run.
    let half = resume.with_file_name(".basin-half.tmp");
    std::fs::write(&half, &bytes[..1000]).unwrap();
    success(train(here.path(), &[]));
    assert!(!half.exists());

    std::fs::remove_file(checkpoint(here.path(), "ckpt-E002")).unwrap();
    failure(train(here.path(), &[]), 3, &["ckpt-E002.safetensors is missing", "--force"]);
}

#[test]
fn the_pretrained_checkpoint_may_move_but_not_change() {
    let here = folder();
    success(train(here.path(), &["--set", "train.epochs=1"]));
    let source = checkpoint(here.path(), "ckpt-E001");
    let tune = |from: &str, epochs: &str| {
        let settings = [format!("train.finetune_from={from}"), format!("train.epochs={epochs}")];
        train(here.path(), &["-w", "tuned", "--set", &settings[0], "--set", &settings[1]])
    };
    success(tune(source.to_str().unwrap(), "1"));
    let moved = here.path().join("moved.safetensors");
    std::fs::rename(&source, &moved).unwrap();
    success(tune("moved.safetensors", "2"));
    std::fs::copy(checkpoint(here.path(), "ckpt-E000"), &moved).unwrap();
    failure(tune("./moved.safetensors", "3"), 2, &["train.finetune_from", "another checkpoint"]);
    failure(tune("null", "3"), 2, &["train.finetune_from"]);
}

#[test]
fn a_reader_that_goes_away_does_not_end_a_run() {
    let here = folder();
    let mut child = train(here.path(), &[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert!(child.wait().unwrap().success());
}
