use std::path::Path;
use std::sync::Arc;

use basin_core::config::{Experiment, ShuffleBlock};
use basin_core::data::{Augment, Dataset, Loader, Pipeline, RgbImage, Split};
use basin_core::random::numpy::RandomState;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::*;
use crate::app::App;
use crate::testing::{experiment, panel, panel_mut, until_app, window_of_all, write_run};

const KEY: &str = "demo/Shapes_photo/fixup_resnet18/pretrain";

fn shuffled() -> Experiment {
    let mut experiment = experiment(KEY);
    experiment.data.configs.shuffle_block_config = Some(ShuffleBlock { seed: 1235, block_size: 4 });
    (experiment.train.mixup_alpha, experiment.train.epochs, experiment.seed.order) = (0.7, 3, 5);
    experiment
}

fn is_seen(app: &App) -> bool {
    let panel = panel::<InputsPanel>(app);
    panel.asked_to_look.is_some() && !panel.seen.is_pending() && panel.seen.value().is_some()
}

fn seen<'a>(harness: &'a Harness<App>) -> &'a Seen {
    panel::<InputsPanel>(harness.state()).seen.value().unwrap()
}

/// Changes what is shown, and waits for it.
fn show(harness: &mut Harness<App>, change: impl FnOnce(&mut View)) {
    change(&mut panel_mut::<InputsPanel>(harness.state_mut()).view.as_mut().unwrap().1);
    harness.step();
    until_app(harness, is_seen);
}

#[test]
fn pixels_are_those_that_the_loader_yields() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = shuffled();
    write_run(folder.path(), &experiment, 0);
    let mut harness = window_of_all(folder.path(), "Inputs");
    until_app(&mut harness, is_seen);
    harness.get_by_label_contains("train.mixup_alpha = 0.7");
    show(&mut harness, |view| (view.first, view.epoch) = (7, 2));

    let dataset = Arc::new(Dataset::open(&experiment.data, Split::Train).unwrap());
    let pipeline = Arc::new(Pipeline::new(&experiment.data, Augment::Train { seed: 5 }).unwrap());
    let mut loader = Loader::new(dataset.clone(), pipeline.clone(), vec![vec![7]], 2, 1).unwrap();
    let batch = loader.next().unwrap().unwrap();
    let shown = &seen(&harness).samples[0];
    assert_eq!((shown.sample, shown.id.as_str()), (7, dataset.id(7)));
    let stages = shown.stages.as_ref().unwrap();
    assert_eq!(stages.input.image, pipeline.pixels(&batch.images));
    assert_ne!(stages.input.image, stages.crop.image);
    assert_eq!(stages.size, (20, 20));
    harness.get_by_label(&format!("Shuffled {}", dataset.id(7)));

    // The permutation is NumPy's.
    let permutation = seen(&harness).permutation.as_ref().unwrap();
    let sources: Vec<usize> = permutation.sources.iter().map(|source| source.1).collect();
    assert_eq!(sources, RandomState::new(1235).permutation(16));

    harness.get_by_label("Next").click();
    harness.step();
    until_app(&mut harness, |app| {
        is_seen(app) && panel::<InputsPanel>(app).view.as_ref().unwrap().1.first == 8
    });
    assert_eq!(seen(&harness).samples[0].sample, 8);
    harness.get_by_label("No shuffle").click();
    harness.step();
    until_app(&mut harness, is_seen);
    assert!(seen(&harness).permutation.is_none());
}

#[test]
fn a_shuffle_that_moves_nothing_says_so() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path(), &shuffled(), 0);
    let mut harness = window_of_all(folder.path(), "Inputs");
    until_app(&mut harness, is_seen);
    assert!(harness.query_by_label_contains("is the identity").is_none());
    show(&mut harness, |view| view.blocks = ShuffleBlock { seed: 1234, block_size: 8 });
    harness.get_by_label_contains("Seed 1234 leaves all 4 in place");
    // One that does not divide the image is an error where the user looks.
    panel_mut::<InputsPanel>(harness.state_mut()).view.as_mut().unwrap().1.blocks.block_size = 5;
    until_app(&mut harness, |app| panel::<InputsPanel>(app).seen.error().is_some());
    harness.get_by_label_contains("must divide data.configs.image_size 16: 5");
}

#[test]
fn a_key_is_found_while_it_is_typed() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path(), &shuffled(), 0);
    let mut harness = window_of_all(folder.path(), "Inputs");
    let field = harness.get_by_role_and_label(egui::Role::TextInput, "Key");
    field.focus();
    field.type_text("demo/Shapes_line/fixup_resnet18/scr");
    harness.step();
    harness.step();
    harness.get_by_label("demo/Shapes_line/fixup_resnet18/scratch").click();
    until_app(&mut harness, |app| {
        is_seen(app) && panel::<InputsPanel>(app).seen.value().unwrap().samples[0].id.starts_with("line/")
    });
}

#[test]
fn moved_folders_and_broken_images_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path(), &shuffled(), 0);
    let mut harness = window_of_all(folder.path(), "Inputs");
    {
        let source = &mut panel_mut::<InputsPanel>(harness.state_mut()).source;
        source.key = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR".to_owned();
        source.data_dir = "/nowhere/images".to_owned();
    }
    until_app(&mut harness, |app| panel::<InputsPanel>(app).opened.error().is_some());
    harness.get_by_label_contains(
        "the data folder /nowhere/images is not there; name where it is now under Data folder",
    );

    domainnet(folder.path());
    panel_mut::<InputsPanel>(harness.state_mut()).source.data_dir = folder.path().display().to_string();
    harness.step();
    until_app(&mut harness, is_seen);
    show(&mut harness, |view| view.count = 2);
    let samples = &seen(&harness).samples;
    assert!(samples[0].stages.is_ok());
    assert_eq!((samples[0].label.as_str(), samples[1].label.as_str()), ("cat", "dog"));
    harness.get_by_label_contains("cannot decode");
}

/// A domain of two images, of which the second is none.
fn domainnet(folder: &Path) {
    let root = folder.join("DomainNet");
    for class in ["cat", "dog"] {
        std::fs::create_dir_all(root.join("real").join(class)).unwrap();
    }
    RgbImage::from_pixel(30, 20, [200, 100, 0].into()).save(root.join("real/cat/1.png")).unwrap();
    std::fs::write(root.join("real/dog/1.png"), "no image").unwrap();
    std::fs::write(root.join("real_train.txt"), "real/cat/1.png 0\nreal/dog/1.png 1\n").unwrap();
}
