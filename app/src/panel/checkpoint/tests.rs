use std::path::{Path, PathBuf};

use basin_core::checkpoint::{Checkpoint, NamedTensor, StateDict};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::{CheckpointPanel, Opened};
use crate::testing::{Stage, stage, until_panel};

/// A network of two layers whose values are scaled.
fn save(folder: &Path, name: &str, factor: f32, classes: usize) -> PathBuf {
    let tensor = |name: &str, shape: &[usize]| {
        let values = 0..shape.iter().product::<usize>();
        let data = values.map(|index| factor * ((index * 7 % 11) as f32 - 4.5)).collect();
        NamedTensor { name: name.to_owned(), shape: shape.to_vec(), data }
    };
    let tensors = vec![
        tensor("features.conv.weight", &[4, 3, 3, 3]),
        tensor("features.conv.bias", &[4]),
        tensor("head.weight", &[classes, 4]),
    ];
    let metadata = [("epoch".to_owned(), "7".to_owned())].into();
    let path = folder.join(name);
    Checkpoint { state: StateDict { tensors }, metadata }.save(&path).unwrap();
    path
}

fn panel(folder: &Path) -> Harness<'static, Stage<CheckpointPanel>> {
    stage(CheckpointPanel::default(), folder)
}

fn open(harness: &mut Harness<'_, Stage<CheckpointPanel>>, path: &Path) {
    harness.state_mut().panel.open(path.to_owned());
    harness.step();
    until_panel(harness, |panel| {
        panel.one.as_ref().is_some_and(|one| !one.is_reading() && (one.error().is_some() || is_measured(one)))
    });
}

fn is_measured(opened: &Opened) -> bool {
    opened.contents().is_some_and(|contents| contents.numbers.is_some())
}

#[test]
fn how_images_were_prepared_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"{"pretrained_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "interpolation": "bicubic"}}"#;
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let mut harness = panel(folder.path());
    open(&mut harness, &save(folder.path(), "one.safetensors", 1.0, 2));
    harness.get_by_label_contains("Images were prepared with mean [0.5, 0.5, 0.5]");
}

#[test]
fn a_click_on_a_tensor_shows_its_histogram_and_its_singular_values() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = panel(folder.path());
    for name in ["one.safetensors", "one.pth.tar"] {
        open(&mut harness, &save(folder.path(), name, 1.0, 2));
        harness.get_by_label("epoch: 7");
        harness.get_by_label_contains("3 of 3 tensors, 120 values in all; norm");
    }
    harness.get_by_label("features.conv.weight").click();
    harness.step();
    until_panel(&mut harness, |panel| {
        panel.detail.as_ref().is_some_and(|detail| detail.histogram().is_some())
    });
    let counted: f64 = {
        let detail = harness.state().panel.detail.as_ref().unwrap();
        detail.histogram().unwrap().series[0].points.iter().step_by(2).map(|(_, count)| count).sum()
    };
    assert_eq!(counted, 108.0);
    harness.get_by_label("Singular values").click();
    harness.step();
    until_panel(&mut harness, |panel| {
        panel.detail.as_ref().is_some_and(|detail| detail.singular_values().is_some())
    });
    // 16 x 16 positions of 3 channels.
    harness.get_by_label_contains("768 singular values from");
    harness.get_by_label_contains("Kernel [4, 3, 3, 3] on 16 x 16 pixels; exact for circular padding.");

    harness.get_by_label("Names").click();
    harness.state_mut().panel.filter = "bias$".to_owned();
    harness.state_mut().panel.listing = None;
    harness.step();
    harness.get_by_label_contains("1 of 3 tensors");
    harness.state_mut().panel.filter = "(".to_owned();
    harness.state_mut().panel.listing = None;
    harness.step();
    harness.get_by_label_contains("3 of 3 tensors");
    harness.get_by_label_contains("⚠");
}

#[test]
fn two_checkpoints_are_compared_by_module_and_tensor() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (save(folder.path(), "one.safetensors", 1.0, 2), save(folder.path(), "two.pth", 2.0, 3));
    let mut harness = panel(folder.path());
    open(&mut harness, &one);
    harness.state_mut().panel.two = Some(Opened::new(two));
    until_panel(&mut harness, |panel| panel.comparison.value().is_some());
    harness.get_by_label("one to two");
    harness.get_by_label_contains("2 tensors in common");
    harness.get_by_label_contains("Not compared: 1 tensor of another shape.");
    let comparison = harness.state().panel.comparison.value().unwrap();
    assert_eq!(comparison.bars.categories, ["features.conv"]);
    assert_eq!(comparison.bars.series[0].values, [1.0]);

    harness.get_by_label("Compare with none").click();
    harness.step();
    harness.step();
    assert!(harness.query_by_label("one to two").is_none());
}

#[test]
fn what_is_no_checkpoint_is_one_sentence_and_the_next_one_opens() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = panel(folder.path());
    let broken = folder.path().join("broken.safetensors");
    std::fs::write(&broken, "no tensors at all").unwrap();
    for (path, sentence) in
        [(broken, "is a text file"), (folder.path().join("none.pth"), "none.pth: No such file")]
    {
        open(&mut harness, &path);
        harness.get_by_label_contains(sentence);
    }
    open(&mut harness, &save(folder.path(), "good.safetensors", 1.0, 2));
    harness.get_by_label_contains("3 of 3 tensors");
    assert!(harness.query_by_label_contains("⚠").is_none());
}

#[test]
fn a_file_that_changes_is_read_again_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = save(folder.path(), "one.safetensors", 1.0, 2);
    let mut harness = panel(folder.path());
    open(&mut harness, &path);
    save(folder.path(), "one.safetensors", 1.0, 5);
    until_panel(&mut harness, |panel| panel.one.as_ref().is_some_and(|one| one.change().is_some()));
    harness.get_by_label_contains("has changed on disk; what is shown was read before");
    harness.get_by_label_contains("120 values in all");
    harness.get_by_label("Read one.safetensors again").click();
    harness.step();
    until_panel(&mut harness, |panel| panel.one.as_ref().is_some_and(is_measured));
    harness.get_by_label_contains("132 values in all");
}
