//! The reference's keys on real photographs, where they are at hand.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::path::Path;

use common::*;

#[test]
fn a_key_of_the_reference_trains_on_real_images_and_its_checkpoints_interpolate() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/pacs-mini");
    if !data.is_dir() {
        eprintln!("skipped: no real images at {}", data.display());
        return;
    }
    let here = folder();
    let key = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";
    let mut command = runner(here.path());
    command.args(["-k", key]);
    let data_dir = format!("data.configs.data_dir={}", data.display());
    let settings = [
        "data.configs.image_size=64",
        "data.configs.pre_crop_size=72",
        "train.epochs=1",
        "train.batch_size=16",
        &data_dir,
    ];
    for setting in settings {
        command.args(["--set", setting]);
    }
    success(command);
    let checkpoints = here.path().join("experiments").join(key).join("checkpoints");
    let mut command = runner(here.path());
    command.arg("interpolate");
    command.args(["ckpt-E000.safetensors", "ckpt-E001.safetensors"].map(|name| checkpoints.join(name)));
    command.args(["--coefficients", "0:1:3", "--json"]);
    let result: serde_json::Value = serde_json::from_str(&success(command)).unwrap();
    assert_eq!(
        (result["inputs"]["samples"].as_u64(), result["points"].as_array().unwrap().len()),
        (Some(105), 3)
    );
    assert_eq!(result["arch"], "fixup_resnet50");
}
