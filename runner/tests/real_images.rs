//! Photographs of every kind of file: decoded as Pillow decodes them, trained on, and evaluated. They are rendered ones of our own
//! (`photos/make_photos.py`).

use std::path::{Path, PathBuf};

use basin_core::data::{RgbImage, decode};
use basin_core::file::digest;
use serde_json::Value;

use crate::common::*;

/// Cells of a photograph, beside and below each other, whose means are compared.
const CELLS: (u32, u32) = (6, 4);
/// Largest difference of the mean of a cell, of 255 levels, where decoders differ in how they enlarge the colour planes.
const LOSSY: f64 = 0.5;

fn photos() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/photos")
}

#[test]
fn photographs_decode_to_what_pillow_makes_of_them() {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(photos().join("photos.json")).unwrap()).unwrap();
    let expected = expected.as_object().unwrap();
    assert_eq!(expected.len(), 30);
    for (name, pillow) in expected {
        let image = decode(&photos().join(name)).unwrap();
        assert_eq!(serde_json::json!([image.width(), image.height()]), pillow["size"], "{name}");
        if let Some(sha256) = pillow["sha256"].as_str() {
            assert_eq!(digest(image.as_raw()), sha256, "{name}");
        }
        let theirs = pillow["cells"].as_array().unwrap();
        let ours = cells(&image);
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (number, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            for (channel, mean) in ours.iter().enumerate() {
                let difference = (mean - theirs[channel].as_f64().unwrap()).abs();
                assert!(difference <= LOSSY, "{name}, cell {number}, channel {channel}: {difference} apart");
            }
        }
    }
}

/// The mean of each channel in each cell, row by row.
fn cells(image: &RgbImage) -> Vec<[f64; 3]> {
    let (width, height) = image.dimensions();
    let part = |number: u32, of: u32, length: u32| number * length / of..(number + 1) * length / of;
    let mean = |row: u32, column: u32| {
        let (rows, columns) = (part(row, CELLS.1, height), part(column, CELLS.0, width));
        let places = rows.clone().flat_map(|y| columns.clone().map(move |x| (x, y)));
        let count = (rows.len() * columns.len()) as f64;
        let sum = places.fold([0.0; 3], |mut sum, (x, y)| {
            (0..3).for_each(|channel| sum[channel] += f64::from(image.get_pixel(x, y)[channel]));
            sum
        });
        sum.map(|sum| sum / count)
    };
    (0..CELLS.1)
        .flat_map(|row| (0..CELLS.0).map(move |column| (row, column)))
        .map(|(r, c)| mean(r, c))
        .collect()
}

#[test]
fn a_key_of_the_reference_trains_on_photographs_and_its_checkpoints_interpolate() {
    let here = folder();
    let key = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";
    let mut command = runner(here.path());
    command.args(["-k", key]);
    let data_dir = format!("data.configs.data_dir={}", photos().display());
    let settings = [
        "data.name=ImageFolder",
        "data.configs.image_size=64",
        "data.configs.pre_crop_size=72",
        "train.epochs=1",
        "train.batch_size=7",
        &data_dir,
    ];
    for setting in settings {
        command.args(["--set", setting]);
    }
    success(command);
    let run = here.path().join("experiments").join(key);
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let metrics: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let test_loss = |epoch: u64| {
        let of_epoch = metrics.iter().filter(|record| record["epoch"] == epoch);
        of_epoch.filter_map(|record| record["eval/test_loss"].as_f64()).next_back().unwrap()
    };
    assert_ne!(test_loss(0), test_loss(1), "an epoch of training changes nothing");

    let mut command = runner(here.path());
    command.arg("interpolate");
    command.args(
        ["ckpt-E000.safetensors", "ckpt-E001.safetensors"].map(|name| run.join("checkpoints").join(name)),
    );
    command.args(["--coefficients", "0:1:3", "--json"]);
    let result: Value = serde_json::from_str(&success(command)).unwrap();
    assert_eq!((&result["arch"], &result["inputs"]["samples"]), (&"fixup_resnet50".into(), &6.into()));
    let points = result["points"].as_array().unwrap();
    assert_eq!(points.len(), 3);
    // The ends are the networks whose losses the run has measured on the same six photographs.
    for (point, epoch) in [(&points[0], 0), (&points[2], 1)] {
        let (loss, measured) = (point["loss"].as_f64().unwrap(), test_loss(epoch));
        assert!((loss - measured).abs() <= 1e-5 * measured.abs(), "epoch {epoch}: {loss} and {measured}");
    }
}
