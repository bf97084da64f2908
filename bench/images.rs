//! Basin's side of `images.py`: times the loader on a folder of images and prints one JSON object.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use basin_core::config::{Data, DataConfigs, ShuffleBlock, ShufflePixel};
use basin_core::data::{Augment, Dataset, Loader, Pipeline, Split, epoch_batches};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, shuffle, threads, epochs] = arguments.as_slice() else {
        eprintln!("usage: images DATA_DIR none|block|pixel THREADS EPOCHS");
        std::process::exit(2);
    };
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let (threads, epochs) = (number(threads), number(epochs));
    let configs = DataConfigs {
        data_dir: folder.clone(),
        subsample: None,
        disable_aug: false,
        image_size: 224,
        pre_crop_size: 256,
        shuffle_pixel_config: (shuffle == "pixel").then_some(ShufflePixel { seed: 1234 }),
        shuffle_block_config: (shuffle == "block").then_some(ShuffleBlock { seed: 1235, block_size: 56 }),
        train_per_class: None,
        test_per_class: None,
        cache_bitmap: None,
    };
    let pipeline = Arc::new(Pipeline::new(&configs, Augment::Train { seed: 0 }).expect("settings"));
    let data = Data { name: "DomainNet_real".into(), configs };
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
