//! Basin's side of `criticality.py`: times the surface of one module, and prints one JSON object.

use std::collections::BTreeMap;
use std::time::Instant;

use basin_core::analysis::criticality::{Grid, PathKind, Request, Rule, criticality};
use basin_core::analysis::interpolation::linspace;
use basin_core::analysis::named::Named;
use basin_core::analysis::selection::Selection;
use basin_core::checkpoint::Checkpoint;
use basin_core::config::{Registry, apply_overrides};
use basin_core::data::{Dataset, Split};
use basin_core::device::Choice;
use basin_core::file::file_digest;
use basin_core::job::{Job, Stop};
use basin_core::model::{Arch, initial_state};

#[path = "../runner/src/allocator.rs"]
mod allocator;

/// Drawn images of ten classes, fixup_resnet18.
const KEY: &str = "demo/Shapes_photo/fixup_resnet18/pretrain";

fn main() {
    allocator::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, module, size, images, memory] = arguments.as_slice() else {
        eprintln!("usage: criticality MODULE SIZE IMAGES MEMORY_MIB");
        std::process::exit(2);
    };
    let settings = [
        format!("data.configs.image_size={size}"),
        format!("data.configs.pre_crop_size={size}"),
        format!("data.configs.train_per_class={}", images.parse::<usize>().expect("a number") / 10),
    ];
    let experiment = Registry::load().and_then(|registry| registry.get(KEY)).expect("a key");
    let experiment = apply_overrides(experiment, &settings).expect("settings");
    let outputs = Dataset::open(&experiment.data, Split::EvalTrain).expect("drawn images").outputs();
    let arch = Arch::new(&experiment.model.arch, outputs).expect("an architecture");

    // What the weights are does not matter to the time; that the last convolutions are not zero does.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |epoch: u64| folder.path().join(format!("ckpt-E{epoch:03}.safetensors"));
    for epoch in 0..2 {
        let mut state = initial_state(&arch, epoch);
        let values = state.tensors.iter_mut().flat_map(|tensor| &mut tensor.data).enumerate();
        values.for_each(|(i, value)| *value += 0.01 * (i as f32).sin());
        Checkpoint { state, metadata: BTreeMap::new() }.save(&path(epoch)).expect("space");
    }
    let request = Request {
        end: &path(1),
        start: &Named::Epoch(0),
        path: PathKind::Direct,
        grid: &Grid { alphas: linspace(0.0, 1.0, 11), sigmas: linspace(0.0, 0.1, 11), draws: 3, seed: 0 },
        rule: Rule::default(),
        modules: std::slice::from_ref(module),
        selection: Selection { split: Split::EvalTrain, samples: None },
        experiment: &experiment,
        memory_bytes: memory.parse::<usize>().expect("a number") << 20,
        base: folder.path(),
        output: Some(&folder.path().join("surface")),
        watch: None,
    };
    let job = Job {
        device: Choice::Auto.open().expect("a device"),
        others: &[],
        emit: &|_| {},
        stop: &Stop::default(),
    };
    let start = Instant::now();
    let (_, output) = criticality(&request, &job).expect("a surface");
    let seconds = start.elapsed().as_secs_f64();
    let digest = file_digest(&output.join("points.csv")).expect("points");
    println!("{{\"seconds\": {seconds:.3}, \"points\": \"{digest}\"}}");
}
