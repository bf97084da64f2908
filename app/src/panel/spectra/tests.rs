use std::path::{Path, PathBuf};

use basin_core::checkpoint::Checkpoint;
use basin_core::model::{Arch, initial_state};
use egui_kittest::kittest::Queryable as _;

use super::{Entry, SpectraPanel};
use crate::testing::{stage, until_panel};

fn save(folder: &Path, name: &str, seed: u64) -> PathBuf {
    let arch = Arch::new("fixup_resnet18", 3).unwrap();
    let metadata = [("arch".to_owned(), arch.name.clone())].into();
    let path = folder.join(name);
    Checkpoint { state: initial_state(&arch, seed), metadata }.save(&path).unwrap();
    path
}

#[test]
fn spectra_of_checkpoints_are_computed_stored_and_opened_again() {
    let base = tempfile::tempdir().unwrap();
    let mut panel = SpectraPanel::default();
    for (name, seed) in [("one.safetensors", 1), ("two.safetensors", 2)] {
        panel.add(save(base.path(), name, seed));
    }
    let broken = base.path().join("broken.safetensors");
    std::fs::write(&broken, "no tensors").unwrap();
    panel.add(broken);
    panel.filter = "^fc$|layer4.0.conv1".to_owned();
    let mut harness = stage(panel, base.path(), SpectraPanel::ui);
    harness.step();
    let compute = |panel: &mut egui_kittest::Harness<'_, _>| {
        panel.get_by_label("Compute spectra").click();
        panel.step();
        panel.step();
    };
    let is_over = |panel: &SpectraPanel| {
        panel.entries.iter().all(|entry| !entry.is_computing()) && !panel.ranks.is_pending()
    };
    compute(&mut harness);
    until_panel(&mut harness, is_over);
    assert_eq!(harness.get_all_by_label_contains("lies in no run of Basin; name the key").count(), 3);

    // Images of 32 pixels, and one of 7 x 7 convolution and pooling before it.
    harness.state_mut().panel.key = "demo/Shapes_clipart/fixup_resnet18/scratch".to_owned();
    compute(&mut harness);
    until_panel(&mut harness, is_over);
    until_panel(&mut harness, |panel| panel.ranks.value().is_some());
    harness.get_by_label_contains("is not a whole safetensors file");
    harness.get_by_label("one: layer4.0.conv1 acts on 2 x 2 pixels for images of 32 x 32; its values are exact for circular padding, stride 1.");
    harness.get_by_label("Layers whose values are exact as the network uses them: fc.");
    let panel = &harness.state().panel;
    assert_eq!(panel.figures.as_ref().unwrap().layers, ["layer4.0.conv1", "fc"]);
    let ranks = panel.ranks.value().unwrap().clone();
    assert_eq!(ranks.series.iter().map(|line| line.label.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let folder = panel.entries[0].network.as_ref().unwrap().folder.clone();
    assert!(folder.starts_with(base.path().join("analysis/spectrum")));

    // What is stored opens without computing.
    let mut harness = stage(SpectraPanel::default(), base.path(), SpectraPanel::ui);
    let context = harness.ctx.clone();
    harness.state_mut().panel.entries = vec![Entry::stored(&context, folder.clone())];
    until_panel(&mut harness, |panel| panel.ranks.value().is_some());
    assert_eq!(harness.state().panel.ranks.value().unwrap().series[..], ranks.series[..1]);
    // A layer whose values are gone is a sentence.
    std::fs::remove_dir_all(folder.join("values")).unwrap();
    harness.state_mut().panel.layer = "fc".to_owned();
    until_panel(&mut harness, |panel| panel.ranks.error().is_some());
    harness.get_by_label_contains("fc.safetensors");
}
