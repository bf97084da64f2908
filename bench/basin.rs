//! Basin's side of `run.py`: times one network as `peer.py` times PyTorch's, and prints one JSON object.

use std::time::{Duration, Instant};

use basin_core::data::Labelling;
use basin_core::device::Choice;
use basin_core::evaluate::loss::{Targets, loss};
use basin_core::model::{Arch, Network, initial_state};
use basin_core::optim::rule::Sgd;
use basin_core::optim::{Optimizer, OptimizerSettings, UpdateRule};
use basin_core::train::gradients::take_gradients;
use burn::tensor::{Tensor, TensorData};

#[path = "../runner/src/allocator.rs"]
mod allocator;

fn main() {
    allocator::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, arch, size, batch, seconds] = arguments.as_slice() else {
        eprintln!("usage: bench forward|train ARCH SIZE BATCH SECONDS");
        std::process::exit(2);
    };
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let (size, batch) = (number(size), number(batch));
    let device = Choice::Auto.open().expect("a device");
    let arch = Arch::for_images(arch, 10, size).expect("an architecture");
    let mut network = Network::new(arch.clone(), &initial_state(&arch, 0), &device).expect("it fits");
    let values: Vec<f32> =
        (0..batch * 3 * size * size).map(|i| (i * 7919 % 1000) as f32 / 500.0 - 1.0).collect();
    let images =
        |device: &_| Tensor::<4>::from_data(TensorData::new(values.clone(), [batch, 3, size, size]), device);
    let duration = Duration::from_secs(number(seconds) as u64);
    let rate = if what == "forward" {
        let images = images(&device);
        rate(batch, duration, || {
            std::hint::black_box(network.forward(images.clone()).into_data());
        })
    } else {
        let images = images(&device.clone().autodiff());
        let targets = Targets { first: (0..batch).map(|i| i % 10).collect(), second: None };
        let rule = UpdateRule::Sgd(Sgd { momentum: 0.9, ..Sgd::default() });
        let settings = OptimizerSettings {
            base_lr: 1e-3,
            weight_decay: 1e-4,
            custom_lrs: Vec::new(),
            layer_decay: 1.0,
            rule,
        };
        let mut optimizer = Optimizer::new(&settings, network.trained()).expect("no custom rates");
        rate(batch, duration, || {
            let tracked = network.tracked();
            let (logits, statistics) = tracked.forward_train(images.clone());
            let loss = loss(logits, &targets, Labelling::Class);
            let mut gradients = loss.backward();
            let gradients = take_gradients(tracked, &mut gradients);
            optimizer.step(network.trained_mut(), gradients);
            network.update(statistics);
            std::hint::black_box(loss.into_data());
        })
    };
    println!("{{\"images_per_second\": {rate:.2}, \"peak_mib\": {}}}", peak_mib());
}

/// Images per second of the fastest step within the given time, after two steps of warm-up.
fn rate(batch: usize, duration: Duration, mut step: impl FnMut()) -> f64 {
    step();
    step();
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    while start.elapsed() < duration {
        let before = Instant::now();
        step();
        best = best.min(before.elapsed().as_secs_f64());
    }
    batch as f64 / best
}

/// The largest memory that the process held, MiB, as Linux tells it.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
