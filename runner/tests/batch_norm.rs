//! Networks with batch normalisation keep running statistics, which are part of every state.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use basin_core::checkpoint::{Checkpoint, StateDict};
use common::*;

const ARCH: [&str; 2] = ["--set", "model.arch=torchvision/resnet18"];

fn state(folder: &std::path::Path, name: &str) -> StateDict {
    Checkpoint::load(&checkpoint(folder, name)).unwrap().state
}

#[test]
fn a_run_with_running_statistics_ends_with_the_same_bytes_however_often_it_is_stopped() {
    let whole = folder();
    let mut alone = train(whole.path(), &ARCH);
    alone.env("RAYON_NUM_THREADS", "1");
    success(alone);

    let stopped = folder();
    let mut stops = 0;
    for attempt in 0.. {
        let mut command = train(stopped.path(), &ARCH);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(400 + 100 * attempt));
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            break;
        }
        std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        stops += 1;
    }
    assert!(stops > 0, "never stopped");
    for name in ["ckpt-E000", "ckpt-E002", "ckpt-best", "resume"] {
        let [one, two] = [&whole, &stopped].map(|f| std::fs::read(checkpoint(f.path(), name)).unwrap());
        assert!(one == two, "{name} differs");
    }

    // Two epochs of 10 classes with 16 images each, in steps of 16 images: every batch is counted once.
    let last = state(whole.path(), "ckpt-E002");
    let steps = state(whole.path(), "resume");
    for state in [&last, &steps] {
        let count = state.get("bn1.num_batches_tracked").unwrap();
        assert_eq!((count.shape.as_slice(), count.data.as_slice()), (&[][..], &[20.0][..]));
    }
    assert_ne!(last.get("bn1.running_mean"), state(whole.path(), "ckpt-E000").get("bn1.running_mean"));
    assert!(steps.get("momentum.bn1.weight").is_some() && steps.get("momentum.bn1.running_mean").is_none());
}

#[test]
fn fine_tuning_takes_over_the_running_statistics_and_no_head() {
    let here = folder();
    let once = ["--set", "train.epochs=1"];
    success(train(here.path(), &[ARCH, once].concat()));
    let trained = state(here.path(), "ckpt-E001");

    // PyTorch before 0.4.1 counted no batches.
    let mut old = trained.clone();
    old.tensors.retain(|tensor| !tensor.is_count());
    let path = here.path().join("old.safetensors");
    Checkpoint { state: old, ..Checkpoint::default() }.save(&path).unwrap();

    for (source, counted) in [(checkpoint(here.path(), "ckpt-E001"), true), (path, false)] {
        let name = source.file_stem().unwrap().to_str().unwrap();
        let from = format!("train.finetune_from={}", source.display());
        success(train(here.path(), &[&ARCH[..], &once, &["-w", name, "--set", &from]].concat()));
        let start = here.path().join(name).join("checkpoints/ckpt-E000.safetensors");
        let start = Checkpoint::load(&start).unwrap().state;
        for tensor in &start.tensors {
            let before = trained.get(&tensor.name).unwrap();
            if tensor.is_count() && !counted {
                assert_eq!(tensor.data, [0.0], "{}", tensor.name);
            } else {
                assert_eq!(tensor == before, !tensor.name.starts_with("fc."), "{}", tensor.name);
            }
        }
    }
    failure(
        train(here.path(), &["--set", "model.arch=torchvision/resnet19", "-w", "none"]),
        2,
        &["torchvision/resnet19", "fixup_resnet50", "torchvision/resnet152"],
    );
}

#[test]
fn a_pass_of_one_image_is_refused_where_it_is_one_pixel() {
    let here = folder();
    // 160 images, in three batches of 53 and one that is left.
    let batch = ["--set", "train.batch_size=53"];
    failure(
        train(here.path(), &[&ARCH[..], &batch].concat()),
        2,
        &["160 images", "layer4.1", "train.batch_size"],
    );
    success(train(here.path(), &[&batch[..], &["--set", "train.epochs=1"]].concat()));
}
