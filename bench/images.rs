//! Basin's side of `images.py`: times the loader on a folder of images and prints one JSON object.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use basin_core::config::{Registry, apply_overrides};
use basin_core::data::{Augment, Dataset, Loader, Pipeline, Split, epoch_batches};

#[path = "../runner/src/allocator.rs"]
mod allocator;

/// A key whose images are of 224 pixels and augmented.
const KEY: &str = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";

fn main() {
    allocator::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, shuffle, threads, epochs] = arguments.as_slice() else {
        eprintln!("usage: images DATA_DIR none|block|pixel THREADS EPOCHS");
        std::process::exit(2);
    };
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let (threads, epochs) = (number(threads), number(epochs));
    let shuffle = match shuffle.as_str() {
        "block" => &[
            "data.configs.shuffle_block_config.block_size=56",
            "data.configs.shuffle_block_config.seed=1235",
        ][..],
        "pixel" => &["data.configs.shuffle_pixel_config.seed=1234"],
        _ => &[],
    };
    let folder = format!("data.configs.data_dir={folder}");
    let settings: Vec<String> =
        [folder.as_str()].iter().chain(shuffle).map(|text| (*text).to_owned()).collect();
    let experiment = Registry::load().and_then(|registry| registry.get(KEY)).expect("a key");
    let data = apply_overrides(experiment, &settings).expect("settings").data;
    let pipeline = Arc::new(Pipeline::new(&data, Augment::Train { seed: 0 }).expect("settings"));
    let dataset = Arc::new(Dataset::open(&data, Split::Train).expect("a folder laid out as DomainNet's"));
    let epoch = |number| {
        let batches = epoch_batches(dataset.len(), 64, 0, number);
        let loader =
            Loader::new(dataset.clone(), pipeline.clone(), batches, number, threads).expect("threads");
        for batch in loader {
            std::hint::black_box(batch.expect("images"));
        }
        status("VmRSS:", "/proc/self/status") / 1024
    };
    epoch(0);
    let (start, ticks) = (Instant::now(), cpu_time());
    let resident: Vec<u64> = (1..=epochs as u64).map(epoch).collect();
    let images = (epochs * dataset.len()) as f64;
    println!(
        "{{\"images_per_second\": {:.1}, \"cpu_ms\": {:.3}, \"peak_mib\": {}, \"resident_mib\": {resident:?}}}",
        images / start.elapsed().as_secs_f64(),
        1000.0 * (cpu_time() - ticks).as_secs_f64() / images,
        status("VmHWM:", "/proc/self/status") / 1024,
    );
}

/// Processor time of all threads so far, as Linux tells it in hundredths of a second.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    Duration::from_millis(10 * fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>())
}

/// A number of a process's status file, KiB.
fn status(name: &str, file: impl AsRef<Path>) -> u64 {
    let status = std::fs::read_to_string(file).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
