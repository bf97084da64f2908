//! Memory of the window over many openings of a checkpoint. A process of its own, since it measures itself.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use basin_app::app::App;
use basin_app::settings::Settings;
use basin_core::checkpoint::{Checkpoint, NamedTensor, StateDict};
use basin_core::config::Registry;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of the checkpoint.
const SIZE: usize = 8 << 20;
/// Bytes that may be held after a hundred openings beside those after ten: four times the file, where all are a hundred times.
const ALLOWED: usize = 32 << 20;

/// Memory of this process that is no file's, bytes.
fn held() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() << 10
}

/// Opens a checkpoint so many times, each time until its numbers are there, and looks at a tensor. Returns the longest times
/// until the tensors are listed, and until their numbers are there.
fn open(harness: &mut Harness<'_, App>, path: &Path, times: usize) -> [Duration; 2] {
    let mut longest = [Duration::ZERO; 2];
    for _ in 0..times {
        harness.state_mut().open_checkpoint(path.to_owned());
        let start = Instant::now();
        for (longest, shown) in longest.iter_mut().zip(["values in all", "values in all; norm"]) {
            while harness.query_by_label_contains(shown).is_none() {
                assert!(start.elapsed() < Duration::from_secs(60), "not shown: {shown}");
                std::thread::sleep(Duration::from_millis(1));
                harness.step();
            }
            *longest = start.elapsed().max(*longest);
        }
        harness.query_all_by_label_contains(".weight").next().unwrap().click();
        harness.run_steps(3);
    }
    longest
}

#[test]
fn memory_stays_flat_over_a_hundred_openings_of_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let tensor = |number: usize| NamedTensor {
        name: format!("layer{number}.weight"),
        shape: vec![SIZE / 16 / 1024, 1024],
        data: (0..SIZE / 16).map(|index| (index % 1000) as f32).collect(),
    };
    let state = StateDict { tensors: (0..4).map(tensor).collect() };
    let path = folder.path().join("large.safetensors");
    Checkpoint { state, ..Checkpoint::default() }.save(&path).unwrap();

    let settings = Settings { base: folder.path().to_owned(), ..Settings::default() };
    let registry = Arc::new(Registry::load().unwrap());
    let builder = Harness::builder().with_size(egui::vec2(1360.0, 860.0)).allow_missing_glyphs();
    let mut harness = builder.build_eframe(|creation| App::new(&creation.egui_ctx, settings, registry));
    open(&mut harness, &path, 10);
    let before = held();
    let [listed, measured] = open(&mut harness, &path, 100);
    let after = held();
    let sizes = format!("{} MiB before, {} MiB after", before >> 20, after >> 20);
    println!("{sizes}; listed after {listed:?} at most, measured after {measured:?}");
    assert!(after < before + ALLOWED, "{sizes}");
}
